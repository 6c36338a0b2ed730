#!/usr/bin/env python3
"""Verifies a published copy of a ledger, with Python's standard library and nothing of Poterne.

    python3 tools/verify.py FOLDER checkpoint.pub [CHECKPOINT_KEPT_ELSEWHERE ...]

FOLDER is what `poterne ledger publish` wrote (C2SP tlog-tiles): a signed checkpoint, tiles of
hashes, bundles of entries. It recomputes the tree from the bundles and holds everything against
it. Exit code 0: it holds; 1: it does not, and each line says what; 2: it was not asked properly.
"""
import base64, hashlib, os, sys

# Ed25519, verification only (RFC 8032, section 5.1.7). Slow, and enough for one signature.
P, Q = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D, ROOT = -121665 * pow(121666, -1, P) % P, pow(2, (P - 1) // 4, P)


def add(a, b):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = a, b
    e, f = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    g, h = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, point):
    sum = (0, 1, 1, 0)
    while n:
        sum = add(sum, point) if n & 1 else sum
        point, n = add(point, point), n >> 1
    return sum


def point(encoded):
    y = int.from_bytes(encoded, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    x = x if x * x % P == xx else x * ROOT % P
    if y >= P or x * x % P != xx or (x == 0 and sign):
        raise ValueError("not a point of the curve")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def signed(public, message, signature):
    try:
        r, a, s = point(signature[:32]), point(public), int.from_bytes(signature[32:], "little")
    except ValueError:
        return False
    k = int.from_bytes(hashlib.sha512(signature[:32] + public + message).digest(), "little") % Q
    (x1, y1, z1, _), (x2, y2, z2, _) = times(s, point((4 * pow(5, -1, P) % P).to_bytes(32, "little"))), add(r, times(k, a))
    return len(signature) == 64 and s < Q and (x1 * z2 - x2 * z1) % P == 0 and (y1 * z2 - y2 * z1) % P == 0


def opened(note, key):
    """The size and root of a signed checkpoint; an exception when it is not one of this key."""
    name, hash, public = key.strip().split("+", 2)
    public = base64.b64decode(public)
    if public[0] != 1 or hashlib.sha256(name.encode() + b"\n" + public).hexdigest()[:8] != hash:
        raise ValueError("the key is not one of a ledger")
    text, _, signatures = note.partition("\n\n")
    text += "\n"
    for line in signatures.splitlines():
        of, _, signature = line.removeprefix("— ").partition(" ")
        signature = base64.b64decode(signature)
        if of == name and signature[:4].hex() == hash and signed(public[1:], text.encode(), signature[4:]):
            origin, size, root = text.splitlines()
            if origin == name:
                return int(size), base64.b64decode(root)
    raise ValueError("it is not signed by this ledger's key")


def node(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(leaves):
    """The root of a tree (RFC 6962), from its right edge."""
    edge = []
    for count, leaf in enumerate(leaves, 1):
        while count % 2 == 0:
            leaf, count = node(edge.pop(), leaf), count // 2
        edge.append(leaf)
    root = edge.pop() if edge else hashlib.sha256().digest()
    while edge:
        root = node(edge.pop(), root)
    return root


def place(number, width):
    parts = [f"{number % 1000:03d}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03d}")
    return "/".join(parts) + (f".p/{width}" if width < 256 else "")


def verify(folder, key, kept):
    """Yields what does not hold."""
    def read(path):
        with open(os.path.join(folder, path), "rb") as file:
            return file.read()

    size, root = opened(read("checkpoint").decode(), key)
    leaves = []
    for first in range(0, size, 256):
        width = min(256, size - first)
        name = "tile/entries/" + place(first // 256, width)
        bundle = read(name)
        whole = [bundle[i : i + 34] for i in range(0, len(bundle), 34)]
        if len(bundle) != 34 * width or any(entry[:2] != b"\x00\x20" for entry in whole):
            yield f"{name}: has not the {width} entries that it should"
            return
        leaves += [hashlib.sha256(b"\x00" + entry[2:]).digest() for entry in whole]
    row, level = leaves, 0
    while row:
        for first in range(0, len(row), 256):
            hashes = row[first : first + 256]
            name = f"tile/{level}/" + place(first // 256, len(hashes))
            tile = read(name)
            if len(tile) != 32 * len(hashes):
                yield f"{name}: has not the hashes that it should"
            for i, hash in enumerate(hashes):
                if tile[32 * i : 32 * i + 32] != hash:
                    yield f"{name}: " + (f"entry {first + i} is not the one in the tree" if level == 0 else f"hash {i} is wrong")
        row, level = [root_of(row[i : i + 256]) for i in range(0, len(row) - 255, 256)], level + 1
    if root_of(leaves) != root:
        yield "checkpoint: the tree of these entries is another"
    for path in kept:
        with open(path, encoding="utf-8") as file:
            before, was = opened(file.read(), key)
        if before > size:
            yield f"{path}: entries {size} to {before - 1} are gone"
        elif root_of(leaves[:before]) != was:
            yield f"{path}: is of another history"
    print(f"{size} entries, {len(kept)} checkpoints kept elsewhere")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(print(__doc__) or 2)
    with open(sys.argv[2], encoding="utf-8") as file:
        key = file.read()
    found = False
    try:
        for finding in verify(sys.argv[1], key, sys.argv[3:]):
            found = print(finding) or True
    except (OSError, ValueError, IndexError) as wrong:
        found = print(wrong) or True
    sys.exit(1 if found else 0)
