package bridge

import "context"

// Sleep is what Wait does once it has found nothing: what comes between the two
// must be seen by it.
func Sleep(ctx context.Context, w *Watcher) (Events, error) { return w.sleep(ctx) }
