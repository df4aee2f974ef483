// tsan: tells ThreadSanitizer what it cannot see.
//
// The distribution's DPDK is not instrumented: that an mbuf changes hands through its rings and pools is invisible. These two
// mark each handover; without ThreadSanitizer they are nothing.

#pragma once

#if defined(__SANITIZE_THREAD__)
#define TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TSAN 1
#endif
#endif

#ifdef TSAN
void __tsan_acquire(void *);
void __tsan_release(void *);
#endif

// What was written before tsan_gives(p) is seen after tsan_takes(p).
static inline void
tsan_gives(void *p)
{
#ifdef TSAN
	__tsan_release(p);
#else
	(void)p;
#endif
}

static inline void
tsan_takes(void *p)
{
#ifdef TSAN
	__tsan_acquire(p);
#else
	(void)p;
#endif
}
