/* A certificate and its key for tests: for mail.office.example and *.example.net. It protects nothing. */
#ifndef MAILFERRY_TESTS_TLS_PAIR_H
#define MAILFERRY_TESTS_TLS_PAIR_H

static char tls_pair_certificate[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBxDCCAWqgAwIBAgIUORoFJ7UIj+SHH2wbHpcGn3PGUCIwCgYIKoZIzj0EAwIw\n"
    "HjEcMBoGA1UEAwwTbWFpbC5vZmZpY2UuZXhhbXBsZTAgFw0yNjExMjYyMDA2MTla\n"
    "GA8yMTI2MTEwMjIwMDYxOVowHjEcMBoGA1UEAwwTbWFpbC5vZmZpY2UuZXhhbXBs\n"
    "ZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNpQSdMx21pOD/FgToyOS3fMkX4X\n"
    "W1VCOF7d9oWl+hSYgMay+mfqiLKHCYZivGQWwfOdDBVza3+0sUZzymH3rLyjgYMw\n"
    "gYAwHQYDVR0OBBYEFAoljX3AD8EpxNUinOm9BdNPyxo3MB8GA1UdIwQYMBaAFAol\n"
    "jX3AD8EpxNUinOm9BdNPyxo3MA8GA1UdEwEB/wQFMAMBAf8wLQYDVR0RBCYwJIIT\n"
    "bWFpbC5vZmZpY2UuZXhhbXBsZYINKi5leGFtcGxlLm5ldDAKBggqhkjOPQQDAgNI\n"
    "ADBFAiBAkbYCsXhNHIGfVMNeL0l1TMIkn5yx+iKqBV/5FDtbSgIhAOhUb1GjIYM0\n"
    "lmq5nQ08x2u2X2WL/ng9eCOzzaRRvcsV\n"
    "-----END CERTIFICATE-----\n";

static char tls_pair_key[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgU41wQINyMB77/Ikn\n"
    "17f/LavVV+syv6YusNfMMZmA6iehRANCAATaUEnTMdtaTg/xYE6Mjkt3zJF+F1tV\n"
    "Qjhe3faFpfoUmIDGsvpn6oiyhwmGYrxkFsHznQwVc2t/tLFGc8ph96y8\n"
    "-----END PRIVATE KEY-----\n";

#endif
