/*
 * Small helpers around cJSON, for the files that mbhaul keeps: members that would be empty are left out when writing, and a
 * missing member is empty when reading. Every `get` returns 0, or -1 if the member is there and is something else than it
 * should be.
 */
#ifndef MBHAUL_JSON_H
#define MBHAUL_JSON_H

#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

/* Left out if NULL or "". */
void json_put(cJSON *o, const char *key, const char *value);

/* Left out if 0. */
void json_put_number(cJSON *o, const char *key, double value);

/* Appends o as one line and frees it; out->failed tells what is wrong. */
struct buf;
void json_line(struct buf *out, cJSON *o);

/* *out: a copy, "" if missing; to be freed. */
int json_get_string(const cJSON *o, const char *key, char **out);

/* Cut at size; "" if missing. */
int json_get_text(const cJSON *o, const char *key, char *out, size_t size);

/* Whole numbers from 0 to 9e15 (what a double holds exactly), to UINT32_MAX, to max. */
int json_get_u64(const cJSON *o, const char *key, uint64_t *out);
int json_get_u32(const cJSON *o, const char *key, uint32_t *out);
int json_get_int(const cJSON *o, const char *key, int max, int *out);

/* Epoch seconds up to the year 5138; 0 if missing. */
int json_get_time(const cJSON *o, const char *key, long long *out);

#endif
