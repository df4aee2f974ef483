// http: /metrics for Prometheus and /healthz for whoever watches the watcher.
//
// GET and HEAD only. Without users, passwords or TLS: it tells counts and names of feeds, never an address or an organization, and is meant
// for a loopback or management address. Owns libmicrohttpd, which runs in the main thread's loop; at most HTTP_CONNECTIONS, closed after
// HTTP_SILENCE_S of silence. Main thread only.

#pragma once

#include "loop.h"
#include "problem.h"

#define HTTP_CONNECTIONS 32
#define HTTP_SILENCE_S   5

struct http;
struct status_sources;

// `listen` is "127.0.0.1:9187" or "[::1]:9187". The sources outlive it. 0, or a negative errno with an error in the list.
int http_start(const char *listen, const struct status_sources *, struct problem_list *, struct http **ret);
void http_free(struct http *);

struct loop_room http_room(struct http *);
