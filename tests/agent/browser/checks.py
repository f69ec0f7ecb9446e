"""Is a page fit for everybody? Asked of the page itself, and of the Tab key."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

QUERIES = (Path(__file__).parent / "accessibility.js").read_text(encoding="utf-8")
SIZES = ((1280, 900), (390, 844))

_FOCUSED = """() => {
  const node = document.activeElement;
  if (!node || node === document.body) return null;
  const box = node.getBoundingClientRect();
  const style = getComputedStyle(node);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const seen = box.width > 0 && box.right > 0 && box.bottom > 0;
  const what = node.outerHTML.slice(0, 100);
  return {what, fine: ring && seen, at: window.focusable.indexOf(node)};
}"""
_FOCUSABLE = """() => {
  const query = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  window.focusable = [...document.querySelectorAll(query)].filter(
    (node) => node.checkVisibility());
  document.activeElement?.blur();
  return window.focusable.length;
}"""


def unfit(page: Page) -> list[str]:
    """Return what is wrong with the page at a desk and on a phone, light and dark."""
    found = []
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            found += [f"{width} {scheme} {one}" for one in page.evaluate(QUERIES)]
    page.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
    page.emulate_media(color_scheme="light")
    return found


def out_of_order(page: Page) -> list[str]:
    """Return what the Tab key reaches unseen, out of order or not at all."""
    count, found, at = page.evaluate(_FOCUSABLE), [], -1
    missing = set(range(count))
    # A date is one field with several stops; behind the last comes the first again.
    for _ in range(2 * count + 8):
        if not missing:
            break
        page.keyboard.press("Tab")
        focused = page.evaluate(_FOCUSED)
        if focused is None:
            continue
        if not focused["fine"]:
            found.append(f"the focus is not seen: {focused['what']}")
        if at >= 0 and focused["at"] not in {at, (at + 1) % count}:
            found.append(f"out of order: {focused['what']}")
        at = focused["at"]
        missing.discard(at)
    return [*found, *(f"never reached: {one}" for one in missing)]
