# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
# What TLS of this host allows by default, and whom it trusts.
have openssl || { [ -d "$root/etc/ssl" ] || [ -d "$root/etc/pki/tls" ] || absent; unseen 'there is no program openssl'; exit 0; }
block version; openssl version 2>/dev/null | raw
block settings
for path in /etc/ssl/openssl.cnf /etc/pki/tls/openssl.cnf /etc/ssl1.1/openssl.cnf; do
    [ -r "$root$path" ] || continue
    sed -n -E "s#^[[:space:]]*((MinProtocol|MaxProtocol|CipherString|Ciphersuites|Options|openssl_conf)[[:space:]]*=.*)#$path	\\1#p" "$root$path"
done | raw
for path in /etc/crypto-policies/config /etc/crypto-policies/state/current; do
    [ -r "$root$path" ] && { sed -n -E "s#^[[:space:]]*([A-Z0-9:_-]+)[[:space:]]*\$#$path	policy = \\1#p" "$root$path" | raw; break; }
done
block bundle
for path in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    [ -r "$root$path" ] || continue
    printf '%s\t%s\t%s\n' "$path" "$(openssl dgst -sha256 < "$root$path" 2>/dev/null | sed 's/.*= *//')" "$(grep -c 'BEGIN CERTIFICATE' "$root$path")" | plain
    break
done
block local
for path in "$root"/usr/local/share/ca-certificates/*.crt "$root"/usr/local/share/ca-certificates/*/*.crt "$root"/etc/pki/ca-trust/source/anchors/*; do
    [ -f "$path" ] || continue
    [ -r "$path" ] || { unseen "${path#"$root"} cannot be read"; continue; }
    printf '= %s\t1\n' "${path#"$root"}" | raw
    openssl x509 -noout -text -in "$path" 2>/dev/null |
        grep -A1 -E '^ *(Signature Algorithm|Issuer|Not Before|Not After ?|Subject|Public Key Algorithm|(RSA |DSA )?Public-Key|X509v3 (Subject Alternative Name|Basic Constraints)) ?:' | grep -v '^--$' | plain
done
