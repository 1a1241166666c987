/* For the tests of who gets which token: a keeper with a clock and a directory of its own, and exchanges that a test ends. */
#ifndef MAILFERRY_TESTS_KEEPER_TOOLS_H
#define MAILFERRY_TESTS_KEEPER_TOOLS_H

#include "oauth/keeper.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, ANSWERS_MAX = 32 };

struct tested {
	char dir[64];
	struct config *config;
	struct token_store *store;
	struct keeper *keeper;
	int64_t now;
	unsigned begun, job; /* exchanges; number of the last */
	struct exchange_order order;
	char value[64], binding[200];
	struct {
		uint64_t asker;
		char token[64], error[520], url[2000];
		int64_t serial;
	} answers[ANSWERS_MAX];
	size_t nanswers;
	unsigned notices, signed_in;
};

extern struct tested tested;

int tested_directory(void);
void tested_store_open(void);

/* Accounts a, b, … with the GRANT each; what is there already stays on disk. */
void tested_start(const char *grant, unsigned accounts);
int tested_set_up(void **state);
int tested_tear_down(void **state);
void tested_get(uint64_t asker, const char *account, int64_t refused);

/* The exchange under way ends. TEXT is the access token, or the error. */
void tested_finish(enum grant_verdict verdict, const char *text, const char *refresh, int64_t retry);
const char *tested_token(size_t i);

#define TEST(f) cmocka_unit_test_setup_teardown(f, tested_set_up, tested_tear_down)

#endif
