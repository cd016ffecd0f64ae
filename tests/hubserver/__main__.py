"""``python -m hubserver``: serve until standard input ends; prints a JSON line with the endpoint and a write token."""

import json
import sys

from hubserver.server import HubServer

if __name__ == "__main__":
    with HubServer() as server:
        token = server.hub.add_user("ann", orgs=("org",))
        print(json.dumps({"endpoint": server.url, "token": token}), flush=True)
        sys.stdin.read()
