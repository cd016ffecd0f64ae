"""What hubkit itself registers, through the very hooks a plugin uses."""

from __future__ import annotations

from hubkit.hookspecs import hookimpl


@hookimpl
def register_languages() -> dict[str, str]:
    return {"builtin": "hubkit.languages.table:path"}


@hookimpl
def register_sources() -> dict[str, str]:
    return {
        "mediawiki": "hubkit.corpora.mediawiki:MediaWiki",
        "libreoffice": "hubkit.corpora.libreoffice:LibreOffice",
        "cldr": "hubkit.corpora.cldr:Cldr",
        "django": "hubkit.corpora.django:Django",
    }


@hookimpl
def register_objectives() -> dict[str, str]:
    return {
        "contrastive": "hubkit.training.objectives.contrastive:Contrastive",
        "distillation": "hubkit.training.objectives.distillation:Distillation",
        "mlm": "hubkit.training.objectives.mlm:Mlm",
        "classification": "hubkit.training.objectives.classification:Classification",
        "regression": "hubkit.training.objectives.regression:Regression",
        "token_classification": "hubkit.training.objectives.token_classification:TokenClassification",
        "pair": "hubkit.training.objectives.pair:Pair",
        "similarity": "hubkit.training.objectives.similarity:Similarity",
        "multitask": "hubkit.training.objectives.multitask:Multitask",
    }


@hookimpl
def register_methods() -> dict[str, str]:
    return {
        "lora": "hubkit.adapter.methods.lora:Lora",
        "ia3": "hubkit.adapter.methods.ia3:Ia3",
        "seq_bn": "hubkit.adapter.methods.bottleneck:seq_bn",
        "seq_bn_inv": "hubkit.adapter.methods.bottleneck:seq_bn_inv",
        "double_seq_bn": "hubkit.adapter.methods.bottleneck:double_seq_bn",
        "par_bn": "hubkit.adapter.methods.bottleneck:par_bn",
        "fusion": "hubkit.adapter.methods.fusion:Fusion",
    }


@hookimpl
def register_tasks() -> dict[str, str]:
    return {
        "udhr": "hubkit.evaluation.tasks.udhr:Udhr",
        "tatoeba": "hubkit.evaluation.tasks.tatoeba:Tatoeba",
        "tuxpaint": "hubkit.evaluation.tasks.tuxpaint:tuxpaint",
        "wesnoth": "hubkit.evaluation.tasks.wesnoth:wesnoth",
        "udhr-mining": "hubkit.evaluation.tasks.bitext_mining:udhr_mining",
        "tatoeba-mining": "hubkit.evaluation.tasks.bitext_mining:tatoeba_mining",
        "freedict": "hubkit.evaluation.tasks.word_translation:freedict",
        "cldr-names": "hubkit.evaluation.tasks.word_translation:cldr_names",
        "tokenizer": "hubkit.evaluation.tasks.tokenizer:tokenizer",
        "drift": "hubkit.evaluation.tasks.drift:drift",
        "classification": "hubkit.evaluation.tasks.classification:Classification",
        "token-classification": "hubkit.evaluation.tasks.token_classification:TokenClassification",
        "sts": "hubkit.evaluation.tasks.sts:Sts",
        "pseudo-perplexity": "hubkit.evaluation.tasks.pseudo_perplexity:PseudoPerplexity",
    }


@hookimpl
def register_commands() -> dict[str, str]:
    return {
        "ablate": "hubkit.cli.ablate:ablate",
        "add-family": "hubkit.cli.add_family:add_family",
        "add-language": "hubkit.cli.add_language:add_language",
        "annotate": "hubkit.cli.annotate:annotate",
        "cache": "hubkit.cli.cache:cache",
        "compare": "hubkit.cli.compare:compare",
        "contribute": "hubkit.cli.contribute:contribute",
        "core": "hubkit.cli.core:core",
        "encode": "hubkit.cli.encode:encode",
        "estimate": "hubkit.cli.estimate:estimate",
        "evaluate": "hubkit.cli.evaluate:evaluate",
        "fuse": "hubkit.cli.fuse:fuse",
        "index": "hubkit.cli.index:index",
        "info": "hubkit.cli.info:info",
        "install": "hubkit.cli.install:install",
        "languages": "hubkit.cli.languages:languages",
        "lock": "hubkit.cli.lock:lock",
        "new-plugin": "hubkit.cli.new_plugin:new_plugin",
        "plugins": "hubkit.cli.plugins:plugins",
        "publish": "hubkit.cli.publish:publish",
        "search": "hubkit.cli.search:search",
        "train": "hubkit.cli.train:train",
        "update": "hubkit.cli.update:update",
    }
