/* The configuration: every kind of error with its line and words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "config/load.h"

/* Stands on the first line of most rows. */
#define GOOD                                                                                                           \
	"accounts = { a = { host = \"imap.example.net\"; user = \"u\"; password = \"sesame\"; "                        \
	"addresses = [ \"@office.example\" ]; }; };\n"
#define PIN "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define ACCOUNT(keys)                                                                                                  \
	"accounts = { a = { host = \"imap.example.net\"; user = \"u\"; password = \"sesame\";\n"                       \
	"addresses = [ \"@office.example\" ];\n" keys "\n}; };\n"

struct row {
	const char *text;
	const char *errors;
};

static void rows_run(const struct row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf errors;
		struct config *c;

		buf_init(&errors, 1 << 16);
		c = config_check("t", slice_str(rows[i].text), &errors);
		if (strcmp(buf_str(&errors), rows[i].errors) != 0)
			fprintf(stderr, "# row %zu: %s\n", i, rows[i].text);
		assert_string_equal(buf_str(&errors), rows[i].errors);
		assert_int_equal(c == NULL, rows[i].errors[0] != '\0');
		assert_null(strstr(buf_str(&errors), "sesame"));
		config_free(&c);
		buf_free(&errors);
	}
}
#define ROWS(rows) rows_run((rows), sizeof(rows) / sizeof((rows)[0]))

static void slips_of_syntax_are_named(void **state)
{
	static const struct row rows[] = {
		{ GOOD "limits = { message_size = 50M; };",
		  "t:2: key `limits.message_size': sizes, times and addresses stand in quotes: write \"50M\"\n" },
		{ GOOD "\nlog_level = info;",
		  "t:3: key `log_level': found `info': text stands in double quotes: write \"info\"\n" },
		{ GOOD "hostname = mail.office.example;",
		  "t:2: key `hostname': found mail.office.example: text stands in "
		  "double quotes: write \"mail.office.example\"\n" },
		{ GOOD "spool = /var/spool;",
		  "t:2: key `spool': found /var/spool: text stands in double quotes: write \"/var/spool\"\n" },
		{ ACCOUNT("subscribe = on;"), "t:3: key `accounts.a.subscribe': found `on': write true or false\n" },
		{ GOOD "hostname = \"a.example;\nuser = \"x\";\n",
		  "t:2: key `hostname': the text that starts here is not closed on its line: a `\"' is missing\n" },
		{ GOOD "hostname = “a.example”;",
		  "t:2: key `hostname': typographic quotes: use the plain double quote \"\n" },
		{ GOOD "hostname = 'a.example';",
		  "t:2: key `hostname': text stands in double quotes \"…\", not in single ones\n" },
		{ GOOD "hostname = \"C:\\mail\";", "t:2: key `hostname': a backslash in quotes stands before \\ \" n r "
						   "t or x and two digits; write \\\\ for "
						   "one backslash\n" },
		{ GOOD "hostname = \"a\\x00b\";", "t:2: key `hostname': a backslash in quotes stands before \\ \" n r "
						  "t or x and two digits; write \\\\ for "
						  "one backslash\n" },
		{ GOOD "hostname \"a.example\";",
		  "t:2: key `hostname': expected `=' behind the key, found a text in quotes\n" },
		{ GOOD "listeners { };", "t:2: key `listeners': expected `=' behind the key, found `{'\n" },
		{ GOOD "hostname = ;", "t:2: key `hostname': a value is missing before `;'\n" },
		{ GOOD "hostname = ", "t:3: key `hostname': a value is missing before the end of the file\n" },
		{ GOOD "hostname == \"x\";", "t:2: key `hostname': a value is missing before `='\n" },
		{ GOOD "\"hostname\" = \"x\";",
		  "t:2: expected a key (keys stand without quotes), found a text in quotes\n" },
		{ GOOD ";", "t:2: expected a key, found `;'\n" },
		{ GOOD "listeners = { mx = { networks = [ \"192.0.2.1\",\n ]; }; };",
		  "t:3: key `listeners.mx.networks': a comma before `]': remove it\n" },
		{ GOOD "listeners = { mx = { networks = [ \"192.0.2.1\" 5 ]; }; };",
		  "t:2: key `listeners.mx.networks': expected `,' between the values or `]', found `5'\n" },
		{ GOOD "listeners = { mx = { networks = [ \"192.0.2.1\", 5 ]; }; };",
		  "t:2: key `listeners.mx.networks': the values of an array must be of one kind: all texts in quotes, "
		  "or "
		  "all numbers\n" },
		{ GOOD "listeners = [ { } ];",
		  "t:2: key `listeners': an array […] holds plain values, not groups or lists\n" },
		{ GOOD "listeners = {\nmx = {\n};\n", "t:2: the `{' here is never closed: `}' is missing\n" },
		{ GOOD "listeners = {\nmx = {\n] };\n", "t:4: found `]', but `{' of t:3 is still open\n" },
		{ GOOD "};", "t:2: `}' closes nothing\n" },
		{ GOOD "\n/* from here", "t:3: the comment that starts here is never closed: `*/' is missing\n" },
		{ GOOD "receivers = 4294967298;", "t:2: key `receivers': this number is too large\n" },
		{ GOOD "hostname = \"a.example\";\n\nhostname = \"b.example\";\nuser = \"x\"; user = \"y\";",
		  "t:4: key `hostname': given twice; the first is at t:2\n"
		  "t:5: key `user': given twice; the first is at t:5\n" },
		{ GOOD "a={a={a={a={a={a={a={a={a={a={a={a={a={a={a={a={a={",
		  "t:2: more than 16 levels of brackets\n" },
		{ GOOD "@include \"x.conf\"", "t:2: no file may be included here\n" },
		{ GOOD "@include x.conf", "t:2: expected @include \"FILE\", with the file's name in double quotes\n" },
		{ GOOD "/*\n@include \"x.conf\"\n*/ # @include \"x\"\n// @include \"x\"", "" },
		{ GOOD "# caf\xe9", "t:2: expected UTF-8 text; save the file as UTF-8\n" },
	};
	(void)state;
	ROWS(rows);
}

static void passwords_stay_out_of_errors(void **state)
{
#define SAY "a password stands behind `=' in double quotes, and within it \\\" for a quote and \\\\ for a backslash\n"
	static const struct row rows[] = {
		{ "accounts = { a = {\npassword = sesame; }; };", "t:2: key `accounts.a.password': " SAY },
		{ "accounts = { a = {\npassword = sesame!; }; };", "t:2: key `accounts.a.password': " SAY },
		{ "accounts = { a = {\npassword = 5sesame; }; };", "t:2: key `accounts.a.password': " SAY },
		{ "accounts = { a = {\npassword = \"open\"sesame\"; }; };", "t:2: key `accounts.a': " SAY },
		{ "accounts = { a = {\npassword = \"open\" sesame = 1; }; };", "t:2: key `accounts.a': " SAY },
		{ "accounts = { a = {\npassword = [ sesame ]; }; };", "t:2: key `accounts.a.password': " SAY },
		{ "accounts = { a = {\npasswort = sesame; }; };", "t:2: key `accounts.a.passwort': " SAY },
		{ "accounts = { a = {\npassword sesame; }; };", "t:2: key `accounts.a.password': " SAY },
		{ "accounts = { a = {\npassword = sesame", "t:2: key `accounts.a.password': " SAY },
		{ "accounts = { a = {\npassword = \"sesame\\y\"; }; };",
		  "t:2: key `accounts.a.password': a backslash in quotes stands before \\ \" n r t or x and two "
		  "digits; write "
		  "\\\\ for one backslash\n" },
		{ "accounts = { a = { host = \"h\"; user = \"u\"; addresses = \"@x\";\npassword = \"se\\nsame\"; }; };",
		  "t:2: key `accounts.a.password': expected text in quotes, of 1 to 1000 characters in one line, got "
		  "another "
		  "text\n" },
		{ "accounts = { a = { host = \"h\"; user = \"u\"; addresses = \"@x\";\npassword = 1234; }; };",
		  "t:2: key `accounts.a.password': expected text in quotes, of 1 to 1000 characters in one line, got a "
		  "number: "
		  "put it in quotes\n" },
	};
	(void)state;
	ROWS(rows);
}

static void values_are_checked(void **state)
{
	static const struct row rows[] = {
		{ GOOD "rules_forbid_add = [ \"X-Spam-*\", \"S*\" ]; rules_forbid_delete = [ ];", "" },
		{ GOOD "rules_forbid_add = \"Subject\";\nrules_forbid_delete = [ \"X-A\", \"subject\" ];",
		  "t:2: key `rules_forbid_add': rules may always add and delete Subject (RFC 5293, 6): leave it out\n"
		  "t:3: key `rules_forbid_delete': rules may always add and delete Subject (RFC 5293, 6): leave it out\n" },
		{ GOOD "limits = { message_size = 50; };", "t:2: key `limits.message_size': expected a size from "
							   "\"64K\" to \"1G\", got 50: write number and unit in "
							   "quotes, such as \"50M\"\n" },
		{ GOOD "limits = { message_size = \"50\"; };", "t:2: key `limits.message_size': expected a size from "
							       "\"64K\" to \"1G\", got \"50\": add a unit: B, K, M, G "
							       "or T\n" },
		{ GOOD "limits = { message_size = \"5.5M\"; };",
		  "t:2: key `limits.message_size': expected a size from \"64K\" to \"1G\", got \"5.5M\": write a whole "
		  "number "
		  "and a unit: B, K, M, G or T\n" },
		{ GOOD "limits = { message_size = \"99999999999T\"; };",
		  "t:2: key `limits.message_size': expected a size from \"64K\" to \"1G\", got \"99999999999T\": write "
		  "a "
		  "whole number and a unit: B, K, M, G or T\n" },
		{ GOOD "limits = { message_size = \"2G\"; };",
		  "t:2: key `limits.message_size': expected a size from \"64K\" to \"1G\", got \"2G\"\n" },
		{ GOOD "limits = { data_timeout = 60; };", "t:2: key `limits.data_timeout': expected a time from "
							   "\"1s\" to \"1h\", got 60: write number and unit in "
							   "quotes, such as \"10m\"\n" },
		{ GOOD "limits = { data_timeout = \"2h\"; };",
		  "t:2: key `limits.data_timeout': expected a time from \"1s\" to \"1h\", got \"2h\"\n" },
		{ GOOD "limits = { recipients = 0; };",
		  "t:2: key `limits.recipients': expected a number from 1 to 1000, got 0\n" },
		{ GOOD "limits = { recipients = \"100\"; };",
		  "t:2: key `limits.recipients': expected a number from 1 to 1000, got \"100\"\n" },
		{ GOOD "limits = { recipients = 1.5; };",
		  "t:2: key `limits.recipients': expected a number from 1 to 1000, got 1.5\n" },
		{ GOOD "limits = 5;", "t:2: key `limits': expected a group { … }, got 5: put it in quotes\n" },
		{ GOOD "limits = {};", "t:2: key `limits': the group is empty\n" },
		{ GOOD "listeners = {};", "t:2: key `listeners': the group is empty: expected NAME = { … }; in it\n" },
		{ GOOD "listeners = { mx = {}; };",
		  "t:2: key `listeners.mx': the group is empty\n"
		  "t:2: key `listeners.mx.address': missing: expected an address such as "
		  "\"192.0.2.1:25\", \"[2001:db8::1]:25\" or \"unix:/path\"\n" },
		{ GOOD "listeners = { mx = 25; };",
		  "t:2: key `listeners.mx': expected a name of letters, digits, - and _, "
		  "and a group { … }, got a number\n" },
		{ GOOD "hostname = 5;",
		  "t:2: key `hostname': expected a host name in quotes, got 5: put it in quotes\n" },
		{ GOOD "hostname = \"-x.example\";",
		  "t:2: key `hostname': expected a host name in quotes, got \"-x.example\"\n" },
		{ GOOD "hostname = \"büro.example\";", "t:2: key `hostname': expected a host name in quotes, got "
						       "\"büro.example\": write the name in its ASCII form, xn--…\n" },
		{ GOOD "log_level = \"loud\";", "t:2: key `log_level': expected \"error\", \"warning\", \"info\" or "
						"\"debug\", got \"loud\"\n" },
		{ GOOD "user = \"a\\nb\";",
		  "t:2: key `user': expected text in quotes, of 1 to 32 characters in one line, got \"a\\x0ab\"\n" },
		{ ACCOUNT("port = 99999;"),
		  "t:3: key `accounts.a.port': expected a port from 1 to 65535, got 99999\n" },
		{ ACCOUNT("tls = \"ssl\";"),
		  "t:3: key `accounts.a.tls': expected \"implicit\", \"starttls\" or \"none\", got "
		  "\"ssl\"\n" },
		{ ACCOUNT("compress = true;"),
		  "t:3: key `accounts.a.compress': expected \"auto\", \"on\" or \"off\", got true\n" },
		{ ACCOUNT("pin_sha256 = \"abc=\";"),
		  "t:3: key `accounts.a.pin_sha256': expected the base64 of a SHA-256, 44 characters that end in =, or a "
		  "list of them, got \"abc=\"\n" },
		{ ACCOUNT("pin_sha256 = [ \"" PIN "\", \"AB:CD:EF\" ];"),
		  "t:3: key `accounts.a.pin_sha256': expected the base64 of a SHA-256, 44 characters that end in =, or a "
		  "list of them, got \"AB:CD:EF\": a fingerprint in hexadecimal is of the certificate, not of its key\n" },
		{ ACCOUNT("tls = \"none\"; pin_sha256 = \"sha256//" PIN "\";"),
		  "t:3: key `accounts.a.pin_sha256': tls is \"none\": the server shows no key\n" },
		{ ACCOUNT("subscribe = \"yes\";"),
		  "t:3: key `accounts.a.subscribe': expected true or false, got \"yes\"\n" },
		{ ACCOUNT("window = { };"),
		  "t:3: key `accounts.a.window': expected a number from 1 to 1000, got a group { … }\n" },
		{ ACCOUNT("settle = true;"),
		  "t:3: key `accounts.a.settle': expected a time from \"1ms\" to \"1d\", got true\n" },
	};
	(void)state;
	ROWS(rows);
}

#define TAKES "expected an address such as \"192.0.2.1:25\", \"[2001:db8::1]:25\" or \"unix:/path\", got "
#define NETS  "expected networks such as [ \"192.0.2.0/24\", \"2001:db8::/32\" ], got "

static void listeners_are_checked(void **state)
{
	static const struct row rows[] = {
		{ GOOD "listeners = { a = { address = \"25\"; }; };",
		  "t:2: key `listeners.a.address': " TAKES
		  "\"25\": write address and port: \"0.0.0.0:25\" for all of IPv4, \"[::]:25\" for all of IPv6\n" },
		{ GOOD "listeners = { a = { address = \"localhost:25\"; }; };",
		  "t:2: key `listeners.a.address': " TAKES "\"localhost:25\": write an IP address, not a name: "
		  "\"0.0.0.0:25\" for all of IPv4, \"[::]:25\" for all of IPv6\n" },
		{ GOOD "listeners = { a = { address = \"2001:db8::1:25\"; }; };",
		  "t:2: key `listeners.a.address': " TAKES
		  "\"2001:db8::1:25\": an IPv6 address stands in brackets: \"[2001:db8::1]:25\"\n" },
		{ GOOD "listeners = { a = { address = \"192.0.2.1:65536\"; }; };",
		  "t:2: key `listeners.a.address': " TAKES
		  "\"192.0.2.1:65536\": the port behind the last colon must be a number up to 65535\n" },
		{ GOOD "listeners = { a = { address = \"unix:\"; }; };",
		  "t:2: key `listeners.a.address': " TAKES "\"unix:\": write the path behind `unix:'\n" },
		{ GOOD "listeners = {\na = { address = \"192.0.2.1:25\"; };\nb = {\naddress = \"192.0.2.1:25\"; }; };",
		  "t:5: key `listeners.b.address': \"192.0.2.1:25\" is taken by listener `a' at t:3\n" },
		{ GOOD "listeners = { a = { address = \"127.0.0.1:0\"; }; b = { address = \"127.0.0.1:0\"; }; };", "" },
		{ GOOD "listeners = { a = { address = \"unix:/run/x\";\nnetworks = \"192.0.2.1\"; }; };",
		  "t:3: key `listeners.a.networks': a UNIX socket has no networks: who may connect is a matter of its "
		  "directory's mode\n" },
		{ GOOD "listeners = { a = { address = \"[::]:25\"; networks = [ \"192.0.2.7/24\",\n\"x\"\n,\n"
		       "\"2001:db8::/129\",\n\"::1/128\" ]; }; };",
		  "t:2: key `listeners.a.networks': " NETS
		  "\"192.0.2.7/24\": the address has bits behind the prefix; write "
		  "\"192.0.2.0/24\" for the network\n"
		  "t:3: key `listeners.a.networks': " NETS "\"x\"\n"
		  "t:5: key `listeners.a.networks': " NETS
		  "\"2001:db8::/129\": the prefix behind `/' is a number up to 128\n" },
		{ GOOD "listeners = { a = { address = \"[::]:25\"; networks = [ ]; }; };",
		  "t:2: key `listeners.a.networks': " NETS "a list: it is empty\n" },
		/* A network that is none. */
		{ GOOD "users = \"u\"; listeners = { a = { address = \"[::]:25\"; networks = [ \"0.0.0.0/0\" ]; auth = \"offered\";\n"
		       "auth_plaintext = true; }; };",
		  "t:3: key `listeners.a.auth_plaintext': everybody may connect here, and everybody on the way could read the "
		  "passwords: give networks, or use TLS\n" },
		{ GOOD "listeners = { a = { address = \"[::]:25\"; protocol = \"esmtp\"; }; };",
		  "t:2: key `listeners.a.protocol': expected \"smtp\" or \"lmtp\", got \"esmtp\"\n" },
	};
	(void)state;
	ROWS(rows);
}

#define ADDRS "expected addresses such as [ \"info@office.example\", \"@office.example\" ], got "
#define ADDRESSES(list)                                                                                                \
	"accounts = { a = { host = \"h\"; user = \"u\"; password = \"sesame\";\naddresses = " list "; }; };\n"

static void addresses_are_checked(void **state)
{
	static const struct row rows[] = {
		{ ADDRESSES("\"*\""), "t:2: key `accounts.a.addresses': " ADDRS
				      "\"*\": write \"@office.example\" to take all addresses of a domain\n" },
		{ ADDRESSES("[ \"*@office.example\" ]"),
		  "t:2: key `accounts.a.addresses': " ADDRS
		  "\"*@office.example\": write \"@office.example\" to take all addresses of a domain\n" },
		{ ADDRESSES("[ \"@\",\n\"@.\", \"@*\" ]"),
		  "t:2: key `accounts.a.addresses': " ADDRS "\"@\": the domain is missing behind `@'\n"
		  "t:3: key `accounts.a.addresses': " ADDRS "\"@.\": the domain is missing behind `@'\n"
		  "t:3: key `accounts.a.addresses': " ADDRS "\"@*\"\n" },
		{ ADDRESSES("[ \"info\", \"a b@office.example\", \"x@-.example\", \"\" ]"),
		  "t:2: key `accounts.a.addresses': " ADDRS "\"info\": the domain is missing: \"name@office.example\"\n"
		  "t:2: key `accounts.a.addresses': " ADDRS "\"a b@office.example\"\n"
		  "t:2: key `accounts.a.addresses': " ADDRS "\"x@-.example\"\n"
		  "t:2: key `accounts.a.addresses': " ADDRS "\"\"\n" },
		{ ADDRESSES("[ ]"), "t:2: key `accounts.a.addresses': " ADDRS "a list: it is empty\n" },
		{ ADDRESSES("( \"@office.example\", { } )"),
		  "t:2: key `accounts.a.addresses': " ADDRS "a group { … }\n" },
		{ ADDRESSES("[ \"Info@Office.Example\", \"x@y.example\",\n\"info@office.example.\" ]"),
		  "t:3: key `accounts.a.addresses': \"info@office.example.\" stands twice: account `a' has it at t:2; "
		  "remove "
		  "one\n" },
		{ "accounts = {\nb = { host = \"h\"; user = \"u\"; password = \"sesame\";\n\naddresses = "
		  "\"@x.example\"; };\n"
		  "a = { host = \"h\"; user = \"u\"; password = \"sesame\";\naddresses = [ \"p@x.example\",\n"
		  "\"@X.example.\" ]; }; };\n",
		  "t:7: key `accounts.a.addresses': \"@X.example.\" stands twice: account `b' has it at t:4; remove "
		  "one\n" },
		{ ADDRESSES("[ \"\\\"odd name\\\"@x.example\", \"info+scan@x.example\", \"x@[192.0.2.1]\" ]"), "" },
	};
	(void)state;
	ROWS(rows);
}

static void keys_must_be_known_and_fit_together(void **state)
{
	static const struct row rows[] = {
		{ "", "t: key `accounts': missing: expected a group { … }\n" },
		{ "accounts = {\n};", "t:1: key `accounts': the group is empty: expected NAME = { … }; in it\n" },
		{ "accounts = {\na = { port = 143; };\n};",
		  "t:2: key `accounts.a.user': missing: expected text in quotes, of 1 to 255 characters in one line\n"
		  "t:2: key `accounts.a.addresses': missing: expected addresses such as [ \"info@office.example\", "
		  "\"@office.example\" ]\n"
		  "t:2: key `accounts.a.host': missing: expected a host name in quotes; or give provider\n"
		  "t:2: key `accounts.a.password_file': missing: give password_file, or password, or another source of "
		  "the password\n" },
		{ GOOD "hostnam = \"x\";", "t:2: key `hostnam': unknown; did you mean `hostname'?\n" },
		{ GOOD "log-level = \"info\";", "t:2: key `log-level': unknown; did you mean `log_level'?\n" },
		{ GOOD "message_size = \"5M\";",
		  "t:2: key `message_size': unknown; `message_size' belongs in limits\n" },
		{ GOOD "zebra = 1;", "t:2: key `zebra': unknown; mailferry.conf(5) lists all keys\n" },
		{ ACCOUNT("Port = 993; hosts = \"x\";"),
		  "t:3: key `accounts.a.Port': unknown; did you mean `port'?\n"
		  "t:3: key `accounts.a.hosts': unknown; did you mean `host'?\n" },
		{ ACCOUNT("address = \"x\";"), "t:3: key `accounts.a.address': unknown; did you mean `addresses'?\n" },
		{ ACCOUNT("password_file = \"x\";"),
		  "t:3: key `accounts.a.password_file': password is given too: give one of the two\n" },
		{ ACCOUNT("retry_min = \"2h\";\nretry_max = \"1h\";"),
		  "t:4: key `accounts.a.retry_max': smaller than retry_min\n" },
		{ GOOD "limits = { message_size = \"1G\";\nunaccepted_per_address = \"1M\";\nunaccepted = \"512K\"; };",
		  "t:3: key `limits.unaccepted_per_address': smaller than message_size: no message of that size could "
		  "come "
		  "in\n"
		  "t:4: key `limits.unaccepted': smaller than unaccepted_per_address\n" },
		{ "accounts = {\na = { host = \"h\"; user = \"u\"; password = \"sesame\"; addresses = \"@x.example\";\n"
		  "postmaster = true; };\nb = { host = \"h\"; user = \"u\"; password = \"sesame\"; addresses = "
		  "\"@y.example\";\npostmaster = true; }; };",
		  "t:5: key `accounts.b.postmaster': account `a' takes the postmaster's mail already\n" },
	};
	(void)state;
	ROWS(rows);
}

#define RELAY "relay = { host = \"smtp.example.net\"; user = \"u\"; password = \"sesame\"; };\n"
#define FOR(networks)                                                                                                  \
	GOOD RELAY "relay_for = { a = { networks = [ " networks " ]; senders = [ \"@office.example\" ]; }; };"
#define IS_ALL(network)                                                                                                \
	"t:3: key `relay_for.a.networks': \"" network "\" is the whole Internet: whoever sends spam would send it "     \
	"through you; name the office's own networks\n"
#define IS_WIDE(network)                                                                                               \
	"t:3: key `relay_for.a.networks': \"" network "\" is a large part of the Internet: name the office's own "      \
	"networks, or give users\n"

static void mail_of_strangers_is_not_relayed(void **state)
{
	static const struct row rows[] = {
		{ FOR("\"192.0.2.0/24\""), "" },
		{ FOR("\"10.0.0.0/8\", \"fd00::/8\", \"2001:db8::/32\""), "" },
		{ FOR("\"::ffff:192.0.2.0/120\""), "" },
		{ FOR("\"0.0.0.0/0\""), IS_ALL("0.0.0.0/0") },
		{ FOR("\"::/0\""), IS_ALL("::/0") },
		{ FOR("\"0.0.0.0/1\", \"128.0.0.0/1\""), IS_WIDE("0.0.0.0/1") IS_WIDE("128.0.0.0/1") },
		{ FOR("\"192.0.0.0/8\""), IS_WIDE("192.0.0.0/8") },
		{ FOR("\"2000::/3\""), IS_WIDE("2000::/3") },
		/* IPv4 in other clothes. */
		{ FOR("\"::ffff:0.0.0.0/96\""), IS_ALL("0.0.0.0/0") },
		{ FOR("\"::ffff:128.0.0.0/97\""), IS_WIDE("128.0.0.0/1") },
		{ GOOD RELAY "relay_for = { a = { senders = [ \"@office.example\" ]; }; };",
		  "t:3: key `relay_for.a.networks': missing: give networks or users, or everybody on the Internet could "
		  "send through you\n" },
		{ GOOD RELAY "relay_for = { a = { networks = [ \"192.0.2.0/24\" ]; }; };",
		  "t:3: key `relay_for.a.senders': missing: expected addresses such as [ \"scanner@office.example\", "
		  "\"@office.example\" ]\n" },
		{ GOOD "relay_for = { a = { networks = [ \"192.0.2.0/24\" ]; senders = [ \"@office.example\" ]; }; };",
		  "t:2: key `relay_for': there is no relay: give the server that mail goes out through, relay = { host "
		  "= … }\n" },
	};
	(void)state;
	ROWS(rows);
}

static void errors_are_bounded(void **state)
{
	struct buf text, errors;
	size_t lines = 0;

	(void)state;
	buf_init(&text, 1 << 20);
	buf_init(&errors, 1 << 20);
	for (int i = 0; i < 300; i++)
		(void)buf_addf(&text, "zebra%d = 1;\n", i);
	assert_null(config_check("t", buf_slice(&text), &errors));
	for (size_t i = 0; i < errors.n; i++)
		lines += errors.p[i] == '\n';
	assert_int_equal(lines, 51);
	assert_non_null(strstr(buf_str(&errors), "251 more errors are not shown\n"));
	/* Neither deep nor wide texts cost more than they weigh. */
	buf_clear(&text);
	buf_clear(&errors);
	for (int i = 0; i < 100000; i++)
		(void)buf_addf(&text, "a%d=1;", i);
	assert_null(config_check("t", buf_slice(&text), &errors));
	assert_string_equal(buf_str(&errors), "t:1: key `a1100': more than 1100 names in one group\n");
	buf_clear(&text);
	buf_clear(&errors);
	(void)buf_add_str(&text, GOOD "\nlisteners = {");
	for (int i = 0; i < 65; i++)
		(void)buf_addf(&text, "a%d = { address = \"127.0.0.1:0\"; };", i);
	(void)buf_add_str(&text, "};");
	assert_null(config_check("t", buf_slice(&text), &errors));
	assert_string_equal(buf_str(&errors),
			    "t:3: key `listeners': there are 65; 64 are the most that mailferry takes\n");
	buf_free(&text);
	buf_free(&errors);
}

/* What people start from must be right. */
static void the_sample_is_good(void **state)
{
	const char *top = getenv("top_srcdir");
	char path[4096];
	struct buf text, errors;
	struct config *c;
	struct err e;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/conf/mailferry.conf.sample", top == NULL ? "." : top);
	buf_init(&text, 1 << 20);
	buf_init(&errors, 1 << 16);
	if (file_read(path, &text, &e) != 0)
		fail_msg("%s", e.text);
	c = config_check("sample", buf_slice(&text), &errors);
	assert_string_equal(buf_str(&errors), "");
	assert_non_null(c);
	assert_int_equal(c->nlisteners, 2);
	config_free(&c);
	/* With everything that is commented out, too: a line of # and no blank behind it. */
	buf_clear(&errors);
	for (size_t i = 0; i + 1 < text.n; i++) {
		bool first = i == 0 || text.p[i - 1] == '\n' || text.p[i - 1] == '\t';

		if (first && text.p[i] == '#' && text.p[i + 1] != ' ' && text.p[i + 1] != '\n')
			text.p[i] = ' ';
	}
	c = config_check("sample", buf_slice(&text), &errors);
	assert_string_equal(buf_str(&errors), "");
	assert_non_null(c);
	assert_int_equal(c->nlisteners, 5);
	assert_int_equal(c->naccounts, 4);
	config_free(&c);
	buf_free(&text);
	buf_free(&errors);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slips_of_syntax_are_named), cmocka_unit_test(passwords_stay_out_of_errors),
		cmocka_unit_test(values_are_checked),	     cmocka_unit_test(listeners_are_checked),
		cmocka_unit_test(addresses_are_checked),     cmocka_unit_test(keys_must_be_known_and_fit_together),
		cmocka_unit_test(mail_of_strangers_is_not_relayed),
		cmocka_unit_test(errors_are_bounded),	     cmocka_unit_test(the_sample_is_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
