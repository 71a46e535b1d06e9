"""Answers said word for word from a script instead of a server's own: what the Exchange front (exchange.py) and the stand-in for a
destination (destination.py) share, so that a trace from the field can be told again.

A script is {VERB: [LINE, ...], ..., "times": N}. VERB: a command's name in capitals, "UID FETCH" and the like with both words,
GREETING, or ANY, the first command after login whatever it is. In a LINE, {tag} stands for the command's tag (* in a greeting)
and a lone surrogate \\udcXX for the byte XX; the rest is sent as UTF-8 with CRLF. "!close" ends the connection after what was
said, "!drop" resets it; nothing after these is said. Without a line that begins with {tag} the client gets no end of its command,
as in life. "times": how many commands are answered from the script (0: all)."""
import re

VERB = re.compile(r"GREETING|ANY|(UID )?[A-Z][A-Z0-9-]*")
ENDS = ("!close", "!drop")


def read(value):
    """A script as it is told over HTTP, checked."""
    if not isinstance(value, dict):
        raise ValueError("a script is an object: {VERB: [LINE, ...]}")
    script = {"times": 0, **value}
    for verb, lines in script.items():
        if verb == "times":
            if not isinstance(lines, int) or lines < 0:
                raise ValueError("times is a whole number")
        elif not VERB.fullmatch(verb):
            raise ValueError("no verb in capitals: " + verb)
        elif not isinstance(lines, list) or not all(isinstance(line, str) and line for line in lines):
            raise ValueError("%s has no list of lines" % verb)
    return script


def find(script, verb, first=False):
    """The lines for this command, or None; first: it is the first one after login."""
    if not script or verb == "times":
        return None
    lines = script.get(verb)
    return script.get("ANY") if lines is None and first else lines


def count(script):
    """One more command was answered from it. True when that was the last."""
    if not script["times"]:
        return False
    script["times"] -= 1
    return not script["times"]


def tell(lines, tag):
    """(bytes to say, how the connection ends: None, "!close" or "!drop")"""
    said = []
    for line in lines:
        if line in ENDS:
            return b"".join(said), line
        said.append(line.replace("{tag}", tag).encode("utf-8", "surrogateescape") + b"\r\n")
    return b"".join(said), None


def stages(lines):
    """The lines in the pieces that a client's continuation cuts: each but the last ends with a line "+ ..."."""
    pieces = [[]]
    for line in lines:
        pieces[-1].append(line)
        if line.startswith("+"):
            pieces.append([])
    return pieces
