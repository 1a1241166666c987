/* What the rows of the tables are written with. */
#ifndef MAILFERRY_CONFIG_KEYS_IMPL_H
#define MAILFERRY_CONFIG_KEYS_IMPL_H

#include "config/config.h"
#include "config/keys.h"

#define MB		  ((int64_t)1024 * 1024)
#define GB		  (MB * 1024)
#define TB		  (GB * 1024)
#define SECONDS(n)	  ((int64_t)(n)*1000)
#define HOURS(n)	  (SECONDS(n) * 3600)
#define DAYS(n)		  (HOURS(n) * 24)
#define KEY_TEXT_MAX	  1000
#define KEY_FILE_TEXT_MAX (64 * 1024)
#define TO_RECEIVER	  (1u << CONFIG_PART_RECEIVER)
#define TO_SPOOL	  (1u << CONFIG_PART_SPOOL)
#define TO_STORE	  (1u << CONFIG_PART_STORE)
#define TO_CONNECT	  (1u << CONFIG_PART_CONNECT)
#define TO_TOKEN	  (1u << CONFIG_PART_TOKEN)
#define TO_FETCH	  (1u << CONFIG_PART_FETCH)
#define TO_RELAY	  (1u << CONFIG_PART_RELAY)
#define TO_INTAKE	  (TO_RECEIVER | TO_FETCH) /* who asks the rules */
#define TO_ALL		  (TO_INTAKE | TO_SPOOL | TO_STORE | TO_CONNECT | TO_TOKEN | TO_RELAY)

/* The tables in the order of the manual; config/key.c joins them. */
extern const struct key keys_general[], keys_limits[], keys_certificate[], keys_listener[], keys_milter[], keys_server[],
    keys_account[], keys_source[], keys_relay[];
extern const size_t keys_ngeneral, keys_nlimits, keys_ncertificate, keys_nlistener, keys_nmilter, keys_nserver, keys_naccount,
    keys_nsource, keys_nrelay;

#endif
