/* What package callback knows of symbols.c. */
void *eventchan_go_signal_at(int i);
void *eventchan_go_send_at(int i);
