"""A phone that is really full: the browser's own quota, used up to the last byte, and given back."""

from __future__ import annotations

from typing import Any, Final

from tests.browser.phone import Phone

SMALL: Final[dict[str, Any]] = {"firefox_user_prefs": {"dom.quotaManager.temporaryStorage.fixedLimit": 100_000}}
"""Options of a Firefox that gives the site 20 MB: once freed, enough for the logs of its databases."""

# Ever smaller pieces until not even the smallest fits; random, since browsers pack what they store. A refused write may
# close the database, so each piece opens it anew.
_FILL: Final = """async ([sizes, leave]) => {
    const put = (size) => new Promise((done) => {
        const opening = indexedDB.open("filler");
        opening.onupgradeneeded = () => opening.result.createObjectStore("bytes", { autoIncrement: true });
        opening.onerror = () => done(false);
        opening.onsuccess = () => {
            const db = opening.result;
            const over = (is_stored) => { db.close(); done(is_stored); };
            const tx = db.transaction("bytes", "readwrite");
            tx.oncomplete = () => over(true);
            tx.onabort = () => over(false);
            const bytes = new Uint8Array(size);
            for (let at = 0; at < size; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
            tx.objectStore("bytes").put(bytes.buffer);
        };
    });
    const isRoom = async (size) => {
        const { quota, usage } = await navigator.storage.estimate();
        return leave === 0 || quota - usage - size >= leave;
    };
    let stored = 0;
    for (const size of sizes) while (await isRoom(size) && await put(size)) stored += size;
    return stored;
}"""

_FREE: Final = """() => new Promise((done, failed) => {
    const deleting = indexedDB.deleteDatabase("filler");
    deleting.onsuccess = () => done();
    deleting.onerror = deleting.onblocked = () => failed(deleting.error);
})"""


def fill(phone: Phone, leave_bytes: int = 0) -> int:
    """Stores bytes beside the app's until so many are left, 0: until the browser refuses; how many were stored."""
    return int(phone.page.evaluate(_FILL, [[1 << 20, 1 << 17, 1 << 14, 1 << 11], leave_bytes]))


def free(phone: Phone) -> None:
    """Gives all of them back."""
    phone.page.evaluate(_FREE)
