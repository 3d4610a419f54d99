/* SPDX-License-Identifier: MIT */
/* The functions of symbols.c that package callback calls. */
void *eventchan_go_signal_at(int i);
void *eventchan_go_send_at(int i);
