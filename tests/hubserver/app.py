"""The Hub's API. A revision is one quoted segment of the path (``feat%2Fx``): paths are taken apart before decoding."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote, urlencode

import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hubserver import files
from hubserver.state import Blob, Hub, HubError, Repo

Handler = Callable[..., Awaitable[Response]]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]
PUBLIC = "https://huggingface.co"  # a commit's address as a proxy passes it on; the client can read no other one
_REPO, _REV = r"([^/]+/[^/]+)", r"([^/]+)"


async def whoami(hub: Hub, request: Request) -> Response:
    user = hub.user(request.headers.get("authorization"))
    if user is None:
        raise HubError(401, "Invalid username or password.")
    token = {"type": "access_token", "accessToken": {"displayName": "token", "role": user.role}}
    orgs = [{"name": name, "type": "org", "roleInOrg": user.role} for name in user.orgs]
    return JSONResponse({"type": "user", "name": user.name, "fullname": user.name, "orgs": orgs, "auth": token})


async def create(hub: Hub, request: Request) -> Response:
    user, asked = hub.user(request.headers.get("authorization")), await request.json()
    if user is None:
        raise HubError(401, "Invalid username or password.")
    namespace = asked.get("organization") or user.name
    if not hub.may(user, namespace, write=True):
        raise HubError(403, f"You don't have the rights to create a model under the namespace {namespace!r}")
    repo = hub.create(f"{namespace}/{asked['name']}", bool(asked.get("private")))
    return JSONResponse({"url": f"{hub.url}/{repo.id}", "name": repo.id, "id": repo.id})


async def delete(hub: Hub, request: Request) -> Response:
    user, asked = hub.user(request.headers.get("authorization")), await request.json()
    namespace = asked.get("organization") or (user.name if user else "")
    del hub.repos[hub.repo(f"{namespace}/{asked['name']}", user, write=True).id]
    return Response()


async def move(hub: Hub, request: Request) -> Response:
    user, asked = hub.user(request.headers.get("authorization")), await request.json()
    repo = hub.repo(asked["fromRepo"], user, write=True)
    hub.repos[asked["toRepo"]] = hub.repos.pop(repo.id)
    repo.id = asked["toRepo"]
    return Response()


async def validate_yaml(hub: Hub, request: Request) -> Response:
    errors = []
    content = (await request.json())["content"]
    if content.startswith("---"):
        try:
            yaml.safe_load(content.split("---\n", 2)[1])
        except (yaml.YAMLError, IndexError) as error:
            errors.append({"message": f"Invalid metadata in README.md: {error}"})
    return JSONResponse({"errors": errors, "warnings": []}, status_code=400 if errors else 200)


async def preupload(hub: Hub, request: Request, repo_id: str, revision: str) -> Response:
    repo = hub.repo(repo_id, hub.user(request.headers.get("authorization")), write=True)
    present = repo.resolve(revision).files
    rows = []
    for entry in (await request.json())["files"]:
        lfs = hub.is_lfs(entry["path"], entry["size"])
        row = {"path": entry["path"], "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False}
        if (blob := present.get(entry["path"])) is not None:
            row["oid"] = blob.sha256 if blob.lfs else blob.oid
        rows.append(row)
    return JSONResponse({"files": rows})


async def commit(hub: Hub, request: Request, repo_id: str, revision: str) -> Response:
    repo = hub.repo(repo_id, hub.user(request.headers.get("authorization")), write=True)
    lines = [json.loads(line) for line in (await request.body()).splitlines() if line.strip()]
    header = lines[0]["value"]
    present = repo.resolve(revision)
    if header.get("parentCommit") not in (None, present.oid):
        raise HubError(412, "A commit has happened since. Please refresh and try again.")
    made = dict(present.files)
    for line in lines[1:]:
        _apply(hub, made, line["key"], line["value"])
    new = repo.add_commit(revision, header["summary"], made)
    url = f"{PUBLIC}/{repo_id}/commit/{new.oid}"
    return JSONResponse({"success": True, "commitOid": new.oid, "commitUrl": url, "hookOutput": ""})


def _apply(hub: Hub, made: dict[str, Blob], key: str, value: dict[str, Any]) -> None:
    if key == "file":
        made[value["path"]] = Blob(base64.b64decode(value["content"]))
    elif key == "lfsFile":
        if value["oid"] not in hub.objects:
            raise HubError(400, f"The object of {value['path']} was not uploaded")
        made[value["path"]] = Blob(hub.objects[value["oid"]], lfs=True)
    elif key == "deletedFile":
        if made.pop(value["path"], None) is None:
            raise HubError(404, "A file with this name doesn't exist", "EntryNotFound")
    elif key == "deletedFolder":
        for path in [path for path in made if path.startswith(value["path"].rstrip("/") + "/")]:
            del made[path]
    else:
        raise HubError(400, f"Unknown operation {key}")


async def info(hub: Hub, request: Request, repo_id: str, revision: str = "main") -> Response:
    repo = hub.repo(repo_id, hub.user(request.headers.get("authorization")))
    return JSONResponse(repo.describe(repo.resolve(revision), blobs="blobs" in request.query_params))


async def models(hub: Hub, request: Request) -> Response:
    """The list, filtered: every ``filter`` must be a tag, ``search`` part of the id."""
    query, user = request.query_params, hub.user(request.headers.get("authorization"))
    found = [repo for repo in hub.repos.values() if not repo.private or hub.may(user, repo.id.split("/")[0], False)]
    rows = [repo.describe(repo.head) for repo in found]
    for wanted in query.getlist("filter"):
        tag = wanted.removeprefix("language:")
        rows = [row for row in rows if tag in row["tags"]]
    if author := query.get("author"):
        rows = [row for row in rows if row["author"] == author]
    for word in query.getlist("search"):
        rows = [row for row in rows if word.lower() in row["id"].lower()]
    if (order := query.get("sort")) in ("downloads", "likes", "lastModified", "createdAt"):
        rows.sort(key=lambda row: row[order], reverse=True)
    if not ({"full", "cardData", "expand"} & set(query)):
        rows = [{key: value for key, value in row.items() if key not in ("cardData", "siblings")} for row in rows]
    return _page(hub, request, rows, int(query.get("limit", hub.page_size)))


def _page(hub: Hub, request: Request, rows: list[Any], limit: int) -> Response:
    size = min(limit, hub.page_size)
    start = int(request.query_params.get("cursor", 0))
    headers = {}
    if start + size < len(rows):
        query = [(key, value) for key, value in request.query_params.multi_items() if key != "cursor"]
        target = f"{hub.url}{request.scope['raw_path'].decode()}?{urlencode([*query, ('cursor', start + size)])}"
        headers["link"] = f'<{target}>; rel="next"'
    return JSONResponse(rows[start : start + size], headers=headers)


async def tree(hub: Hub, request: Request, repo_id: str, revision: str, folder: str = "") -> Response:
    repo = hub.repo(repo_id, hub.user(request.headers.get("authorization")))
    recursive = request.query_params.get("recursive", "").lower() == "true"
    prefix = f"{folder}/" if folder else ""
    rows: dict[str, dict[str, Any]] = {}
    for path, blob in sorted(repo.resolve(revision).files.items()):
        if not path.startswith(prefix):
            continue
        parts = path.removeprefix(prefix).split("/")
        for depth in range(1, len(parts) if recursive else min(len(parts), 2)):
            inner = prefix + "/".join(parts[:depth])
            rows.setdefault(inner, {"type": "directory", "path": inner, "size": 0, "oid": "0" * 40})
        if recursive or len(parts) == 1:
            rows[path] = blob.describe(path)
    if folder and not rows:
        raise HubError(404, f"{folder} does not exist", "EntryNotFound")
    return _page(hub, request, list(rows.values()), hub.page_size)


async def paths_info(hub: Hub, request: Request, repo_id: str, revision: str) -> Response:
    repo = hub.repo(repo_id, hub.user(request.headers.get("authorization")))
    present = repo.resolve(revision).files
    asked = re.findall(r"paths=([^&]*)", (await request.body()).decode())
    paths = [unquote(path.replace("+", " ")) for path in asked]
    return JSONResponse([present[path].describe(path) for path in paths if path in present])


async def refs(hub: Hub, request: Request, repo_id: str) -> Response:
    repo = hub.repo(repo_id, hub.user(request.headers.get("authorization")))

    def listed(kind: str, found: dict[str, str]) -> list[dict[str, str]]:
        return [{"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid} for name, oid in found.items()]

    return JSONResponse({"branches": listed("heads", repo.branches), "converts": [], "tags": listed("tags", repo.tags)})


async def commits(hub: Hub, request: Request, repo_id: str, revision: str) -> Response:
    repo = hub.repo(repo_id, hub.user(request.headers.get("authorization")))
    rows = [
        {"id": made.oid, "title": made.title, "message": "", "authors": [{"user": repo.id.split("/")[0]}],
         "date": made.date.strftime("%Y-%m-%dT%H:%M:%S.000Z")}
        for made in repo.history(revision)
    ]  # fmt: skip
    return _page(hub, request, rows, hub.page_size)


async def tag(hub: Hub, request: Request, repo_id: str, revision: str) -> Response:
    repo = hub.repo(repo_id, hub.user(request.headers.get("authorization")), write=True)
    if request.method == "DELETE":
        return _removed(repo.tags, revision)
    name, target = (await request.json())["tag"], repo.resolve(revision).oid
    return _added(repo.tags, name, target)


async def branch(hub: Hub, request: Request, repo_id: str, name: str) -> Response:
    repo = hub.repo(repo_id, hub.user(request.headers.get("authorization")), write=True)
    if request.method == "DELETE":
        return _removed(repo.branches, name)
    asked = json.loads(await request.body() or b"{}")
    return _added(repo.branches, name, repo.resolve(asked.get("startingPoint", "main")).oid)


def _added(found: dict[str, str], name: str, target: str) -> Response:
    if name in found:
        raise HubError(409, "Reference already exists")
    found[name] = target
    return JSONResponse({})


def _removed(found: dict[str, str], name: str) -> Response:
    if found.pop(name, None) is None:
        raise HubError(404, "Reference does not exist", "RevisionNotFound")
    return JSONResponse({})


ROUTES: list[tuple[str, str, Handler]] = [
    ("GET", "/api/whoami-v2", whoami),
    ("POST", "/api/repos/create", create),
    ("DELETE", "/api/repos/delete", delete),
    ("POST", "/api/repos/move", move),
    ("POST", "/api/validate-yaml", validate_yaml),
    ("GET", "/api/models", models),
    ("POST", f"/api/models/{_REPO}/preupload/{_REV}", preupload),
    ("POST", f"/api/models/{_REPO}/commit/{_REV}", commit),
    ("GET", f"/api/models/{_REPO}/commits/{_REV}", commits),
    ("GET", f"/api/models/{_REPO}/tree/{_REV}", tree),
    ("GET", f"/api/models/{_REPO}/tree/{_REV}/(.+)", tree),
    ("POST", f"/api/models/{_REPO}/paths-info/{_REV}", paths_info),
    ("GET", f"/api/models/{_REPO}/refs", refs),
    ("POST|DELETE", f"/api/models/{_REPO}/tag/{_REV}", tag),
    ("POST|DELETE", f"/api/models/{_REPO}/branch/{_REV}", branch),
    ("GET", f"/api/models/{_REPO}/revision/{_REV}", info),
    ("GET", f"/api/models/{_REPO}", info),
    ("PUT", "/lfs/put/([0-9a-f]+)", files.put),
    ("PUT", "/lfs/part/([0-9a-f]+)/([0-9]+)", files.part),
    ("POST", "/lfs/complete/([0-9a-f]+)", files.complete),
    ("POST", r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch", files.batch),
    ("POST", r"/([^/]+/[^/]+)\.git/info/lfs/objects/verify", files.verify),
    ("GET|HEAD", f"/{_REPO}/resolve/{_REV}/(.+)", files.resolve),
    ("GET|HEAD", f"/(datasets/[^/]+/[^/]+)/resolve/{_REV}/(.+)", files.resolve),  # kept under that name
]


def api(hub: Hub) -> Starlette:
    """The Hub's own origin."""

    async def dispatch(request: Request) -> Response:
        path = request.scope["raw_path"].decode()
        for methods, pattern, handler in ROUTES:
            if request.method in methods.split("|") and (match := re.fullmatch(pattern, path)):
                return await _answered(hub, request, handler, [unquote(part) for part in match.groups()])
        return JSONResponse({"error": f"No such call: {request.method} {path}"}, status_code=404)

    return Starlette(routes=[Route("/{path:path}", dispatch, methods=METHODS)])


def cdn(hub: Hub) -> Starlette:
    """The origin that large files come from."""

    async def dispatch(request: Request) -> Response:
        return await _answered(hub, request, files.cdn, [])

    return Starlette(routes=[Route("/{path:path}", dispatch, methods=METHODS)])


async def _answered(hub: Hub, request: Request, handler: Handler, parts: list[str]) -> Response:
    try:
        return await handler(hub, request, *parts)
    except HubError as error:
        headers = {"x-error-message": error.message}
        if error.code is not None:
            headers["x-error-code"] = error.code
        return JSONResponse({"error": error.message, **error.extra}, status_code=error.status, headers=headers)


__all__ = ["Repo", "api", "cdn"]
