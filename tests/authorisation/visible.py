"""`visible(user, row)` a third time: one SQL statement over the tables, told without scopes (invariant 7)."""

from __future__ import annotations

import sqlite3
from typing import Final

VISIBLE: Final = """
WITH person AS (
    SELECT id, company_id FROM actors WHERE id = :user AND is_deleted = 0 AND is_disabled = 0
),
force AS (  -- memberships that hold now: from `valid_from` to before `valid_to`
    SELECT m.sector_id, m.role = 'guest' AS is_guest, person.company_id
    FROM memberships AS m JOIN person ON person.id = m.user_id
    WHERE m.is_deleted = 0 AND m.valid_from <= :now AND (m.valid_to IS NULL OR m.valid_to > :now)
),
item AS (  -- a guest sees the own company's items alone
    SELECT i.id FROM punch_items AS i WHERE i.is_deleted = 0 AND EXISTS (
        SELECT 1 FROM force WHERE (force.sector_id IS NULL OR force.sector_id = i.sector_id)
        AND (NOT force.is_guest OR force.company_id = i.company_id))
),
office AS (
    SELECT 'projects' AS entity, id FROM projects WHERE is_deleted = 0
    UNION ALL SELECT 'trades', id FROM trades WHERE is_deleted = 0
    UNION ALL SELECT 'companies', id FROM companies WHERE is_deleted = 0
    UNION ALL SELECT 'sectors', id FROM sectors WHERE is_deleted = 0
    UNION ALL SELECT 'actors', id FROM actors WHERE is_deleted = 0
)
SELECT entity, id FROM office WHERE EXISTS (SELECT 1 FROM force)
UNION SELECT 'memberships', m.id FROM memberships AS m WHERE m.is_deleted = 0 AND (
    m.user_id = :user
    OR (m.sector_id IS NULL AND EXISTS (SELECT 1 FROM force))
    OR EXISTS (SELECT 1 FROM force
               WHERE NOT is_guest AND (force.sector_id IS NULL OR force.sector_id = m.sector_id)))
UNION SELECT 'punch_items', id FROM item
UNION SELECT 'comments', id FROM comments WHERE is_deleted = 0 AND item_id IN (SELECT id FROM item)
UNION SELECT 'photos', id FROM photos WHERE is_deleted = 0 AND item_id IN (SELECT id FROM item)
UNION SELECT 'item_events', id FROM item_events WHERE is_deleted = 0 AND item_id IN (SELECT id FROM item)
UNION SELECT 'conflicts', id FROM conflicts WHERE is_deleted = 0 AND item_id IN (SELECT id FROM item)
UNION SELECT 'conflicts', c.id FROM conflicts AS c JOIN punch_items AS i ON i.id = c.item_id
    WHERE c.is_deleted = 0 AND i.is_deleted = 0 AND :user IN (c.doc ->> 'current_by', c.doc ->> 'other_by')
UNION SELECT 'refusals', id FROM refusals WHERE is_deleted = 0 AND user_id = :user
"""


def visible(plain: sqlite3.Connection, user_id: str, now: int) -> set[tuple[str, str]]:
    """(entity, id) of every row the user may see at `now` (ms since 1970 UTC)."""
    return {(entity, row_id) for entity, row_id in plain.execute(VISIBLE, {"user": user_id, "now": now})}
