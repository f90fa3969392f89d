"""What a gateway is measured against: a FastAPI application of one route that answers bytes it has.

python -m bench.bare_route PORT BYTES
"""

from __future__ import annotations

import sys
from typing import Annotated
from uuid import UUID

import uvicorn
from fastapi import FastAPI, Query, Request, Response

app = FastAPI(docs_url=None, redoc_url=None)
body = b"x"


@app.get("/imports/{import_id}")
async def bare(request: Request, import_id: UUID, run: Annotated[int | None, Query(ge=1)] = None) -> Response:
    return Response(body, media_type="application/json")


if __name__ == "__main__":
    body = b"x" * int(sys.argv[2])
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), http="h11", access_log=False, log_config=None)
