/* For the tests of what a message causes: one with further ones. */
#ifndef MAILFERRY_TESTS_FAMILY_TOOLS_H
#define MAILFERRY_TESTS_FAMILY_TOOLS_H

#include "spool_tools.h"

enum { FURTHER = 3 };

struct family {
	struct test_message m, f[FURTHER];
	struct spool_message further[FURTHER];
	struct spool_memory memory[4];
};

struct fixture {
	struct test_spool t;
	struct spool_admin *admin;
};

/* A message, number N, that causes a copy in other words, an answer outside and a notice. */
void family_make(struct family *x, unsigned n);
void family_remember(struct family *x, const char *account, const char *key, int64_t seconds, bool once);
void family_begin(struct fixture *x);
void family_end(struct fixture *x);

struct seen {
	unsigned n;
	char parent[20], causes[100], recipient[100], account[20], protocol[20];
	int64_t numbers[8];
};

struct seen family_look(struct fixture *x, const char *id);

#endif
