"""Uploads to the large file storage, and downloads: ``resolve`` on the Hub, large files from another origin."""

from __future__ import annotations

import hashlib
import math
import re
from urllib.parse import quote, unquote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from hubserver.state import Hub, HubError


async def batch(hub: Hub, request: Request, repo_id: str) -> Response:
    """The batch call of git-lfs: which objects to upload, and where to."""
    hub.repo(repo_id, hub.user(request.headers.get("authorization")), write=True)
    asked = await request.json()
    objects, transfer = [], "basic"
    for wanted in asked["objects"]:
        oid, size = wanted["oid"], wanted["size"]
        entry = {"oid": oid, "size": size}
        if oid not in hub.objects:
            header: dict[str, str] = {}
            if hub.part_size is not None and size > hub.part_size:
                transfer = "multipart"
                header = {"chunk_size": str(hub.part_size)}
                for part in range(1, math.ceil(size / hub.part_size) + 1):
                    header[f"{part:05}"] = f"{hub.url}/lfs/part/{oid}/{part}?{hub.secret}"
            target = f"{hub.url}/lfs/{'complete' if header else 'put'}/{oid}?{hub.secret}"
            verify = {"href": f"{hub.url}/{repo_id}.git/info/lfs/objects/verify"}
            entry["actions"] = {"upload": {"href": target, "header": header}, "verify": verify}
        objects.append(entry)
    return JSONResponse({"transfer": transfer, "objects": objects}, media_type="application/vnd.git-lfs+json")


def _signed(hub: Hub, request: Request) -> None:
    if hub.secret not in request.url.query:
        raise HubError(403, "The address is not signed")


async def put(hub: Hub, request: Request, oid: str) -> Response:
    _signed(hub, request)
    data = await request.body()
    if hashlib.sha256(data).hexdigest() != oid:
        raise HubError(400, "The content does not have this hash")
    hub.objects[oid] = data
    return Response()


async def part(hub: Hub, request: Request, oid: str, number: str) -> Response:
    _signed(hub, request)
    data = await request.body()
    hub.parts[oid, int(number)] = data
    return Response(headers={"etag": f'"{hashlib.md5(data).hexdigest()}"'})


async def complete(hub: Hub, request: Request, oid: str) -> Response:
    _signed(hub, request)
    asked = await request.json()
    parts = [hub.parts.pop((oid, entry["partNumber"])) for entry in asked["parts"]]
    data = b"".join(parts)
    if hashlib.sha256(data).hexdigest() != oid:
        raise HubError(400, "The parts do not have this hash together")
    hub.objects[oid] = data
    return JSONResponse({})


async def verify(hub: Hub, request: Request, repo_id: str) -> Response:
    hub.repo(repo_id, hub.user(request.headers.get("authorization")), write=True)
    asked = await request.json()
    if len(hub.objects.get(asked["oid"], b"")) != asked["size"]:
        raise HubError(404, "The object is not there in this size")
    return JSONResponse({})


async def resolve(hub: Hub, request: Request, repo_id: str, revision: str, path: str) -> Response:
    """A file at a revision. Large ones lie elsewhere: the answer is a redirect to an address that needs no token."""
    repo = hub.repo(repo_id, hub.user(request.headers.get("authorization")))
    commit = repo.resolve(revision)
    headers = {"x-repo-commit": commit.oid}
    blob = commit.files.get(path)
    if blob is None:
        raise HubError(404, "Entry not found", "EntryNotFound")
    repo.downloads += request.method == "GET"
    if not blob.lfs:
        return _ranged(hub, request, blob.data, {**headers, "etag": f'"{blob.oid}"'})
    headers |= {
        "etag": f'"{blob.sha256}"',
        "x-linked-etag": f'"{blob.sha256}"',
        "x-linked-size": str(len(blob.data)),
        "location": f"{hub.cdn_url}/{quote(repo_id)}/{blob.sha256}?{hub.secret}",
    }
    return Response(status_code=302, headers=headers)


async def cdn(hub: Hub, request: Request) -> Response:
    """The other origin."""
    _signed(hub, request)
    oid = unquote(request.url.path).rsplit("/", 1)[-1]
    if oid not in hub.objects:
        raise HubError(404, "There is no such object")
    return _ranged(hub, request, hub.objects[oid], {"etag": f'"{oid}"'})


def _ranged(hub: Hub, request: Request, data: bytes, headers: dict[str, str]) -> Response:
    headers = {**headers, "accept-ranges": "bytes"}
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if asked is None or not hub.ranges:
        return Response(data, headers=headers, media_type="application/octet-stream")
    start, end = int(asked[1]), min(int(asked[2] or len(data)), len(data) - 1)
    if start > end:
        return Response(status_code=416, headers={**headers, "content-range": f"bytes */{len(data)}"})
    headers["content-range"] = f"bytes {start}-{end}/{len(data)}"
    return Response(data[start : end + 1], status_code=206, headers=headers, media_type="application/octet-stream")
