//go:build !race

package rawefd

func raceRelease() {}
func raceAcquire() {}
