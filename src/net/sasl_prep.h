/* SASLprep (RFC 4013) of a stored string: names and passwords as both sides compare them. */
#ifndef MAILFERRY_NET_SASL_PREP_H
#define MAILFERRY_NET_SASL_PREP_H

/* From malloc, to be wiped and freed. NULL when TEXT may not stand there. */
char *sasl_prepare(const char *text);

#endif
