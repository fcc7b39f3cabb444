"""The 200 of `POST /sync` as text: receipts and rows are JSON already and pass through untouched."""

from __future__ import annotations

from sync.canonical import compact
from sync.changes import ScopePage
from sync.pull import PullAnswer
from sync.push import PushAnswer
from sync.schema import PROTOCOL_VERSION


def render(pushed: PushAnswer, pulled: PullAnswer, cookie: str, server_time: int) -> str:
    """The answer's JSON text. `cookie` is the sealed one, `server_time` in ms since 1970 UTC."""
    return (
        f'{{"protocol":{PROTOCOL_VERSION},"server_time":{server_time},"epoch":{compact(pulled.epoch)}'
        f',"receipts":[{",".join(pushed.receipts)}],"next_n":{pushed.next_n}'
        f',"cookie":{compact(cookie)},"reset":{compact(pulled.is_reset)},"drop":{compact(pulled.drop)}'
        f',"scopes":[{",".join(map(_page, pulled.scopes))}],"complete":{compact(pulled.is_complete)}}}'
    )


def _page(page: ScopePage) -> str:
    rows = ",".join(f'{{"entity":{compact(entity)},"doc":{doc}}}' for entity, doc in page.rows)
    gone = compact([{"entity": entity, "id": row_id} for entity, row_id in page.gone])
    return f'{{"scope":{compact(page.scope)},"total":{page.total},"rows":[{rows}],"gone":{gone}}}'
