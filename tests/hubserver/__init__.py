"""A small server that speaks the Hub's HTTP protocol on loopback, for the genuine huggingface_hub client.

``state.py`` is what a Hub holds, ``app.py`` the API, ``files.py`` uploads and downloads, ``faults.py`` what can go
wrong on the way, ``server.py`` runs it all in a thread (``python -m hubserver`` in a process of its own),
``artifacts.py`` makes adapter folders to publish, ``fixtures.py`` is for tests. State is in memory.
"""

from hubserver.faults import Fault, Seen
from hubserver.server import HubServer
from hubserver.state import Commit, Hub, Repo

__all__ = ["Commit", "Fault", "Hub", "HubServer", "Repo", "Seen"]
