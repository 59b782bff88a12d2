"""session_in_python.py FOLDER: the session of examples/clients/python, as vectors_hold asks for it."""

import json
import sys

sys.path.insert(0, sys.argv[1])
from lubdub_session import Session, Settings  # noqa: E402


def told(event):
    return {"kind": event.kind, "sequence": event.sequence, "content": event.content.decode(), "cause": event.cause,
            "reason": event.reason}


session = None
for line in sys.stdin:
    request = json.loads(line)
    now = request["now"]
    if request["do"] == "open":
        wanted = request["settings"]
        if "content" in wanted:
            wanted["content"] = wanted["content"].encode()
        wanted["incarnation"] = int(wanted.get("incarnation", 0))
        session = Session(Settings(**wanted), now)
    elif request["do"] == "receive":
        session.receive(bytes.fromhex(request["bytes"]), now)
    elif request["do"] == "end":
        session.end(request["cause"], now)
    elif request["do"] == "tick":
        session.tick(now)
    answer = {"output": session.take_output().hex(), "events": [told(event) for event in session.take_events()],
              "state": session.state, "deadline": session.deadline()}
    print(json.dumps(answer), flush=True)
