/* Base64 (RFC 4648, 4), hexadecimal, random bytes and ids. */
#ifndef MAILFERRY_BASE_ENCODE_H
#define MAILFERRY_BASE_ENCODE_H

#include "base/buf.h"
#include "base/slice.h"

int base64_encode(struct slice in, struct buf *out);

/* Strict: padding where it belongs, nothing else inside. 0, or -1 (also when OUT is full). */
int base64_decode(struct slice in, struct buf *out);

/* The value of one digit, or -1. */
int base64_digit(char c);

/* xtext (RFC 3461, 4): visible ASCII but "+" and "=", others as "+" and two hexadecimal digits. 0, or -1 for anything
 * else (also when OUT is full). */
int xtext_decode(struct slice in, struct buf *out);

/* Octets beyond ASCII stay as they are, for where RFC 6533, 3 lets them. -1 when OUT is full. */
int xtext_encode(struct slice in, struct buf *out);

int hex_encode(struct slice in, struct buf *out); /* lower case */

/* From the kernel; aborts when it has none to give. */
void random_bytes(void *p, size_t n);

/* 16 characters of [0-9a-z], 80 bits of chance, and a NUL: an id that may stand in a header or a log. */
enum { RANDOM_ID_SIZE = 17 };
void random_id(char out[RANDOM_ID_SIZE]);
/* One that begins with the time, in steps of 32 ms and for 35 years; 45 bits of chance are left. An index of such ids grows
 * at its end, where one of random ids changes in a page of its own for each. */
void timed_id(char out[RANDOM_ID_SIZE]);
/* Does S have the shape of one? */
bool random_id_like(struct slice s);

/* Evenly from 0 to BELOW - 1; BELOW is at least 1. */
uint64_t random_below(uint64_t below);

#endif
