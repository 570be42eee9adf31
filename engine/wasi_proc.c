/* SPDX-License-Identifier: MIT */
/*
 * What a program learns of itself and the machine: arguments, environment, clocks, random bytes; its end, signals, and
 * sockets, of which there are none.
 */
#include <string.h>

#include "engine/wasi_call.h"

/* ---- arguments and environment ---------------------------------------------------------------------------------- */

static Strv *strings(Task *t, bool env)
{
    return env ? &t->env : &t->args;
}

static int put_sizes(WasiThread *w, bool env, uint32_t count, uint32_t size)
{
    Task *t = w->wasi->task;
    if (!guest_has(&w->guest, count, sizeof(uint32_t)) || !guest_has(&w->guest, size, sizeof(uint32_t)))
        return -EFAULT;
    mutex_lock(&t->lock);
    size_t n = strv_count(strings(t, env)), len = strings(t, env)->len;
    mutex_unlock(&t->lock);
    int r = guest_put_u32(&w->guest, count, (uint32_t)n);
    return r < 0 ? r : guest_put_u32(&w->guest, size, (uint32_t)len);
}

/* The block as it is, and the address of each string in it. */
static int put_strings_locked(WasiThread *w, const Strv *v, uint32_t pointers, uint32_t buf)
{
    assert_held(&w->wasi->task->lock);
    if (!guest_has(&w->guest, pointers, (uint64_t)strv_count(v) * sizeof(uint32_t)))
        return -EFAULT;
    int r = guest_write(&w->guest, buf, v->s, v->len);
    for (size_t at = 0; r == 0 && at < v->len; at += strlen(v->s + at) + 1) {
        r = guest_put_u32(&w->guest, pointers, buf + (uint32_t)at);
        pointers += (uint32_t)sizeof(uint32_t);
    }
    return r;
}

static int put_strings(WasiThread *w, bool env, uint32_t pointers, uint32_t buf)
{
    Task *t = w->wasi->task;
    mutex_lock(&t->lock);
    int r = strings(t, env)->len == 0 ? 0 : put_strings_locked(w, strings(t, env), pointers, buf);
    mutex_unlock(&t->lock);
    return r;
}

int32_t wasi_args_sizes_get(WasiThread *w, uint32_t count, uint32_t size)
{
    return wasi_errno(put_sizes(w, false, count, size));
}

int32_t wasi_args_get(WasiThread *w, uint32_t argv, uint32_t buf)
{
    return wasi_errno(put_strings(w, false, argv, buf));
}

int32_t wasi_environ_sizes_get(WasiThread *w, uint32_t count, uint32_t size)
{
    return wasi_errno(put_sizes(w, true, count, size));
}

int32_t wasi_environ_get(WasiThread *w, uint32_t environ, uint32_t buf)
{
    return wasi_errno(put_strings(w, true, environ, buf));
}

/* ---- clocks ----------------------------------------------------------------------------------------------------- */

static const ClockId clock_map[] = {
    [WASI_CLOCK_REALTIME] = CLOCK_REAL,
    [WASI_CLOCK_MONOTONIC] = CLOCK_MONO,
    [WASI_CLOCK_PROCESS_CPUTIME] = CLOCK_CPU_PROCESS,
    [WASI_CLOCK_THREAD_CPUTIME] = CLOCK_CPU_THREAD,
};

/* Threads are kept and used again, and the host's process runs many tasks: what counts began with the program. */
static uint64_t cpu_time(WasiThread *w, bool process)
{
    if (process) {
        AccountSums sums;
        task_sums(w->wasi->task, &sums);
        return sums.user_ns + sums.system_ns;
    }
    uint64_t user, system;
    clock_thread_usage(&user, &system);
    return user - w->thread->user0 + system - w->thread->system0;
}

int32_t wasi_clock_res_get(WasiThread *w, uint32_t id, uint32_t result)
{
    if (id >= LEN(clock_map))
        return WASI_EINVAL;
    return wasi_errno(guest_put_u64(&w->guest, result, clock_resolution(clock_map[id])));
}

int32_t wasi_clock_time_get(WasiThread *w, uint32_t id, uint64_t precision, uint32_t result)
{
    (void)precision;                /* it allows to be late, and we are not */
    if (id >= LEN(clock_map))
        return WASI_EINVAL;
    uint64_t t = id <= WASI_CLOCK_MONOTONIC ? clock_now(clock_map[id]) : cpu_time(w, id == WASI_CLOCK_PROCESS_CPUTIME);
    return wasi_errno(guest_put_u64(&w->guest, result, t));
}

/* ---- random bytes ----------------------------------------------------------------------------------------------- */

#define RANDOM_CHUNK 65536          /* between two looks at whether the task is to end */

int32_t wasi_random_get(WasiThread *w, uint32_t buf, uint32_t len)
{
    if (!guest_has(&w->guest, buf, len))
        return WASI_EFAULT;
    for (uint32_t done = 0; done < len;) {
        GuestIov io;
        uint32_t n = len - done < RANDOM_CHUNK ? len - done : RANDOM_CHUNK;
        int r = guest_window_begin(&w->guest, buf + done, n, &io);
        if (r < 0)
            return wasi_errno(r);
        random_bytes(io.v[0].base, io.total);
        guest_iov_commit(&w->guest, &io, io.total);
        done += (uint32_t)io.total;
        guest_iov_end(&io);
        if (done < len && task_attend_fast(w->wasi->task, w->thread) < 0)
            return WASI_END;
    }
    return WASI_OK;
}

/* ---- the end, and signals --------------------------------------------------------------------------------------- */

int32_t wasi_proc_exit(WasiThread *w, uint32_t code)
{
    bool first = false;
    if (atomic_compare_exchange_strong(&w->wasi->exited, &first, true))
        atomic_store(&w->wasi->exit_code, (int)(code & 255));
    task_stop_threads(w->wasi->task, (int)(code & 255));
    return WASI_EXIT;
}

/* WASI leaves out Linux's 16, STKFLT. */
int32_t wasi_proc_raise(WasiThread *w, uint32_t signal)
{
    if (signal >= WASI_SIGNAL_COUNT)
        return WASI_EINVAL;
    if (signal != 0)
        task_signal(w->wasi->task, (int)(signal < 16 ? signal : signal + 1));
    return WASI_OK;
}

int32_t wasi_sched_yield(WasiThread *w)
{
    (void)w;
    thread_yield();
    return WASI_OK;
}

/* ---- sockets ---------------------------------------------------------------------------------------------------- */

static int32_t not_a_socket(WasiThread *w, uint32_t fd)
{
    FdInfo info;
    int r = wasi_get(w, fd, 0, &info);
    if (r < 0)
        return wasi_errno(r);
    chan_put(info.chan);
    return WASI_ENOTSOCK;
}

int32_t wasi_sock_accept(WasiThread *w, uint32_t fd, uint32_t flags, uint32_t result)
{
    (void)flags, (void)result;
    return not_a_socket(w, fd);
}

int32_t wasi_sock_recv(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t flags, uint32_t result,
                       uint32_t result_flags)
{
    (void)iovs, (void)count, (void)flags, (void)result, (void)result_flags;
    return not_a_socket(w, fd);
}

int32_t wasi_sock_send(WasiThread *w, uint32_t fd, uint32_t iovs, uint32_t count, uint32_t flags, uint32_t result)
{
    (void)iovs, (void)count, (void)flags, (void)result;
    return not_a_socket(w, fd);
}

int32_t wasi_sock_shutdown(WasiThread *w, uint32_t fd, uint32_t how)
{
    (void)how;
    return not_a_socket(w, fd);
}
