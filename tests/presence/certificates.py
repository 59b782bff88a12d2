"""An authority, and the certificates that it issues, made by openssl(1) for one test."""

import os
import subprocess


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE, timeout=60)


class Authority:
    def __init__(self, folder, name="authority"):
        self.folder = folder
        self.certificate = os.path.join(folder, f"{name}.crt")
        self.key = os.path.join(folder, f"{name}.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                "-subj", f"/CN={name}", "-keyout", self.key, "-out", self.certificate)

    def issue(self, file, *names):
        """(certificate, key) with these alternative names, as "DNS:pump-7"."""
        certificate, key, request, rules = (os.path.join(self.folder, f"{file}.{end}")
                                            for end in ("crt", "key", "csr", "ext"))
        with open(rules, "w", encoding="ascii") as out:
            out.write("subjectAltName=" + ",".join(names) + "\n")
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/O=lubdub",
                "-keyout", key, "-out", request)
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial",
                "-days", "30", "-extfile", rules, "-out", certificate)
        return certificate, key
