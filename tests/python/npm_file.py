"""Takes one file out of a package of an npm registry, once the package's SHA-512 is what was asked for, written as npm
writes it (`sha512-` and base64).

npm_file.py URL INTEGRITY MEMBER FILE
"""

import base64
import hashlib
import io
import os
import sys
import tarfile
import urllib.request


def main(url: str, integrity: str, member: str, file: str) -> None:
    with urllib.request.urlopen(url, timeout=60) as answer:
        package = answer.read(64 << 20)
    found = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    if found != integrity:
        sys.exit(f"{url} is {found}, not {integrity}")
    with tarfile.open(fileobj=io.BytesIO(package)) as archive:
        content = archive.extractfile(member)
        if content is None:
            sys.exit(f"{url}: no file {member}")
        text = content.read()
    os.makedirs(os.path.dirname(file), exist_ok=True)
    with open(f"{file}.new", "wb") as new:
        new.write(text)
    os.replace(f"{file}.new", file)


main(*sys.argv[1:])
