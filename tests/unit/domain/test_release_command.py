"""A comment approves by one plain line that carries the digest, and by nothing that only looks like it."""

from __future__ import annotations

import time

import pytest

from mlci.domain.release.command import Command, command_for, commands_in

DIGEST = "0123456789abcdef" * 4
LINE = f"/mlci approve sha256:{DIGEST}"
YES = Command(agrees=True, digest=DIGEST)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (LINE, (YES,)),
        (LINE + " \t", (YES,)),
        (f"Looks right to me.\r\n{LINE}\r\nThank you.", (YES,)),
        (f"/mlci approve sha256:{DIGEST[:12]}", (Command(agrees=True, digest=DIGEST[:12]),)),
        (f"/mlci refuse sha256:{DIGEST}", (Command(agrees=False, digest=DIGEST),)),
        (f"{LINE}\n/mlci refuse sha256:{DIGEST}", (YES, Command(agrees=False, digest=DIGEST))),
        (f"> what was said\n\n{LINE}", (YES,)),
        (f"```\ncode\n```\n{LINE}", (YES,)),
        (f"```` `\n{LINE}", (YES,)),
        (f"<!-- a note -->\n{LINE}", (YES,)),
        (f"<!--\nhidden\n-->\n{LINE}", (YES,)),
        (f"<pre>code</pre>\n{LINE}", (YES,)),
        (f">>>\nquoted\n>>>\n\n{LINE}", (YES,)),
    ],
)
def test_a_whole_line_is_a_command(text, found):
    assert commands_in(text) == found


@pytest.mark.parametrize(
    "text",
    [
        "", "/mlci approve", "/mlci approve sha256:", f"/mlci approve {DIGEST}", f"/mlci approve sha256:{DIGEST[:11]}",
        f"/mlci approve sha256:{DIGEST}0", f"/mlci approve sha256:{DIGEST.upper()}", f"/MLCI approve sha256:{DIGEST}",
        f"please {LINE}", f"{LINE} please", f" {LINE}", f"    {LINE}", f"\t{LINE}", f"- {LINE}", f"`{LINE}`",
        f"/mlci  approve sha256:{DIGEST}", f"/mlci approve\nsha256:{DIGEST}", f"/mlci approve sha512:{DIGEST}",
        # Quoted, on both forges' ways, and the rest of a quoted paragraph.
        f"> {LINE}", f">{LINE}", f"> she wrote:\n{LINE}", f">>>\n{LINE}\n>>>",
        # Code.
        f"```\n{LINE}\n```", f"~~~ text\n{LINE}\n~~~", f"````\n```\n{LINE}\n````", f"- ```\n{LINE}", f"```\n{LINE}",
        f"```\n~~~\n{LINE}\n```", f"<pre>\n{LINE}\n</pre>", f"<PRE class=x>\n\n{LINE}",
        # Hidden.
        f"<!--\n{LINE}\n-->", f"a <!-- b --> c <!--\n{LINE}", f"<style>\n{LINE}\n</style>",
        # Ends of lines that no reader sees, and letters that only look like these.
        f"no\u2028{LINE}", f"no\x0b{LINE}", f"no\x85{LINE}", f"\u200b{LINE}", f"/mlci \u0430pprove sha256:{DIGEST}",
        "/mlci approve sha256:" + "\u0661" * 64,
    ],
)  # fmt: skip
def test_anything_else_is_none(text):
    assert commands_in(text) == ()


def test_what_a_person_is_told_to_write_is_understood():
    assert commands_in(command_for(DIGEST)) == (YES,)
    assert commands_in(command_for(DIGEST[:12], agrees=False)) == (Command(agrees=False, digest=DIGEST[:12]),)


@pytest.mark.parametrize("piece", ["<!--", "`" * 3 + "\n", "> \n", "- ", "<pre", " ", "1. ", "/mlci approve sha256:0"])
def test_the_longest_comment_is_read_in_no_time(piece):
    text = piece * (1_000_000 // len(piece))
    started = time.process_time()
    commands_in(text)
    assert time.process_time() - started < 3
