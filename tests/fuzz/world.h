/*
 * Time and chance of a fuzz target that runs a client against a server of its
 * own: poll, getrandom and the clocks are the linker's --wrap. Time is not waited
 * for: a poll in which nothing comes moves the clock on.
 */
#ifndef MAILFERRY_TESTS_FUZZ_WORLD_H
#define MAILFERRY_TESTS_FUZZ_WORLD_H

#include <stdbool.h>
#include <stdint.h>

enum { WORLD_START_MS = 1000000, WORLD_POLLS_MAX = 200000 /* more than that is no waiting */ };

struct world {
	bool (*serve)(void);	  /* the server's turn: true when it did something */
	int step_ms, for_ever_ms; /* a poll takes that long at the most; one without an end that long */
	int64_t now_ms;		  /* monotonic */
	unsigned polls;		  /* so far; set it to 0 where they start to count anew */
	uint32_t dice;
};

extern struct world world;

/* Sets time and chance back to the start. */
void world_begin(bool (*serve)(void), int step_ms, int for_ever_ms);

#endif
