"""The vocabulary of schema 1 changes knowingly: phones that were away for months still speak it (invariant 22)."""

from __future__ import annotations

from sync.arguments import OPTIONAL, REQUIRED
from sync.canonical import canonical, sha256
from sync.planners import PLANNERS
from sync.schema import ENTITIES, ITEM_FIELDS, MUTATIONS, PROTOCOL_VERSION, SCHEMA_VERSION

PINNED = (1, 1, "72a478dcd42bb3ce")
"""Protocol, schema, and the hash of the words below.

Words may be *added* under the same schema: a server that does not know a mutation parks it and takes it up later, and a
device keeps rows of an entity that it does not know. To change or remove a word, or to ask for an argument that was not
asked for, raise `SCHEMA_VERSION` and keep understanding the old one.
"""


def words() -> str:
    """Everything a device may say or is told by name."""
    mutations = {name: [sorted(REQUIRED[name]), sorted(OPTIONAL.get(name, ()))] for name in MUTATIONS}
    fields = {name: [field.kind, field.policy, field.limit, field.choices] for name, field in ITEM_FIELDS.items()}
    return canonical([mutations, fields, {name: entity.parent for name, entity in ENTITIES.items()}])


def test_the_words_are_those_that_were_pinned() -> None:
    assert (PROTOCOL_VERSION, SCHEMA_VERSION, sha256(words())[:16]) == PINNED, words()


def test_every_mutation_has_its_arguments_and_its_planner() -> None:
    assert set(MUTATIONS) == set(REQUIRED) == set(PLANNERS)
    assert set(OPTIONAL) <= set(MUTATIONS)
