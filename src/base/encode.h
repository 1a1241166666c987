/* Base64 (RFC 4648, 4), hexadecimal, random bytes and ids. */
#ifndef MAILFERRY_BASE_ENCODE_H
#define MAILFERRY_BASE_ENCODE_H

#include "base/buf.h"
#include "base/slice.h"

int base64_encode(struct slice in, struct buf *out);

/* Strict: padding where it belongs, nothing else inside. 0, or -1 (also when OUT is full). */
int base64_decode(struct slice in, struct buf *out);

int hex_encode(struct slice in, struct buf *out); /* lower case */

/* From the kernel; aborts when it has none to give. */
void random_bytes(void *p, size_t n);

/* 16 characters of [0-9a-z], 80 bits of chance, and a NUL: an id that may stand in a header or a log. */
enum { RANDOM_ID_SIZE = 17 };
void random_id(char out[RANDOM_ID_SIZE]);
/* Does S have the shape of one? */
bool random_id_like(struct slice s);

/* Evenly from 0 to BELOW - 1; BELOW is at least 1. */
uint64_t random_below(uint64_t below);

#endif
