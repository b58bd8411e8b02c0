"""Takes files out of a package of an npm registry, once the package's SHA-512 is what was asked for, written as npm writes
it (`sha512-` and base64). A file that the package has as a program becomes one.

npm_file.py URL INTEGRITY MEMBER FILE [MEMBER FILE]...
"""

import base64
import hashlib
import os
import shutil
import sys
import tarfile
import tempfile
import urllib.request


def main(url: str, integrity: str, *files: str) -> None:
    with tempfile.TemporaryFile() as package:
        digest = hashlib.sha512()
        with urllib.request.urlopen(url, timeout=60) as answer:
            while part := answer.read(1 << 20):
                digest.update(part)
                package.write(part)
        found = "sha512-" + base64.b64encode(digest.digest()).decode()
        if found != integrity:
            sys.exit(f"{url} is {found}, not {integrity}")
        package.seek(0)
        take(url, package, dict(zip(files[::2], files[1::2], strict=True)))


def take(url: str, package, wanted: dict[str, str]) -> None:
    with tarfile.open(fileobj=package, mode="r|gz") as archive:
        for member in archive:
            file = wanted.pop(member.name, None)
            content = file and archive.extractfile(member)
            if not content:
                continue
            os.makedirs(os.path.dirname(file), exist_ok=True)
            with open(f"{file}.new", "wb") as new:
                shutil.copyfileobj(content, new, 1 << 20)
            os.chmod(f"{file}.new", 0o755 if member.mode & 0o111 else 0o644)
            os.replace(f"{file}.new", file)
            if not wanted:
                return
    sys.exit(f"{url}: no file {', '.join(wanted)}")


main(*sys.argv[1:])
