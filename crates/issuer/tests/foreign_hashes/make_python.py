"""Prints one JSON line for each hash that a Python tool made: which tool, the password, the hash, and other passwords that it accepts.

    pip install django==5.2.19 passlib==1.7.4 argon2-cffi==25.1.0 bcrypt==4.3.0
    python make_python.py > python.jsonl
"""

import json
from importlib.metadata import version

import argon2
import bcrypt
import django
import django.conf
import passlib
from django.contrib.auth import hashers
from passlib import hash as passlib_hash

PLAIN, FOREIGN, LONG = "correct horse battery staple", "Zoë's pässwörd 🔑", "ä long password " * 6
NUL = "before\0after"


def line(tool, password, text, verify, accepts=()):
    assert verify(password) and not verify(password + "x" if len(password) < 70 else "x"), tool
    assert all(verify(other) for other in accepts), tool
    print(json.dumps({"tool": tool, "password": password, "hash": text, "accepts": list(accepts)}))


django.conf.settings.configure(
    PASSWORD_HASHERS=["django.contrib.auth.hashers." + name for name in [
        "PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher", "Argon2PasswordHasher", "BCryptSHA256PasswordHasher", "BCryptPasswordHasher",
        "ScryptPasswordHasher",
    ]]
)
django.setup()
for algorithm in ["pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "bcrypt", "scrypt"]:
    for password in [PLAIN, FOREIGN] + ([LONG] if algorithm == "bcrypt_sha256" else []):
        text = hashers.make_password(password, hasher=algorithm)
        line(f"Django {django.__version__} {algorithm}", password, text, lambda typed, text=text: hashers.check_password(typed, text))

for variant in argon2.Type:
    for password in [PLAIN, FOREIGN]:
        hasher = argon2.PasswordHasher(type=variant)
        text = hasher.hash(password)

        def verify(typed, hasher=hasher, text=text):
            try:
                return hasher.verify(text, typed)
            except argon2.exceptions.VerifyMismatchError:
                return False

        line(f"argon2-cffi {version('argon2-cffi')} {variant.name}", password, text, verify)
old = argon2.low_level.hash_secret(PLAIN.encode(), b"sixteen salt byt", 2, 1024, 2, 32, argon2.Type.I, version=16).decode()
line("argon2-cffi, version 1.0 of Argon2", PLAIN, old, lambda typed: passlib_hash.argon2.verify(typed, old))

for scheme, options in [("pbkdf2_sha1", {}), ("pbkdf2_sha256", {}), ("pbkdf2_sha512", {}), ("scrypt", {}), ("scrypt", {"rounds": 12, "parallelism": 4})]:
    handler = getattr(passlib_hash, scheme).using(**options)
    for password in [PLAIN, FOREIGN]:
        text = handler.hash(password)
        line(f"passlib {passlib.__version__} {scheme}", password, text, lambda typed, text=text: handler.verify(typed, text))

for prefix in [b"2a", b"2b"]:
    for password in [PLAIN, FOREIGN, LONG, NUL]:
        text = bcrypt.hashpw(password.encode(), bcrypt.gensalt(8, prefix=prefix)).decode()
        accepts = [LONG.encode()[:72].decode(), LONG + "more"] if password == LONG else []
        line(f"bcrypt {bcrypt.__version__} {prefix.decode()}", password, text, lambda typed, text=text: bcrypt.checkpw(typed.encode(), text.encode()), accepts)
# PHP's password_hash writes $2y$, which is the same function; bcrypt of Python reads it.
text = bcrypt.hashpw(PLAIN.encode(), bcrypt.gensalt(8)).decode().replace("$2b$", "$2y$")
line("bcrypt as PHP writes it", PLAIN, text, lambda typed: bcrypt.checkpw(typed.encode(), text.encode()))
