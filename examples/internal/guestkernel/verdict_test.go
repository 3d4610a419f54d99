//go:build linux

package guestkernel

import "testing"

func TestPassed(t *testing.T) {
	const console = "ok sum (0.10s)\nok order (0.20s)\nRESULT ok\n"
	checks := []string{"sum", "order"}
	if err := (Verdict{statusGood, console}).passed(checks); err != nil {
		t.Errorf("got %v for a guest that has passed", err)
	}
	for what, v := range map[string]Verdict{
		"a panic":               {0, "ok sum (0.10s)\nok order (0.20s)\nKernel panic"},
		"a panic after RESULT":  {0, console},
		"no RESULT":             {statusGood, "ok sum (0.10s)\nok order (0.20s)\n"},
		"RESULT FAIL":           {statusGood, "ok sum (0.10s)\nok order (0.20s)\nRESULT FAIL: exit status 1\n"},
		"the status of failure": {statusBad, console},
		"a hung machine":        {-1, console},
		"a check too few":       {statusGood, "ok sum (0.10s)\nRESULT ok\n"},
		"a longer name":         {statusGood, "ok sum (0.10s)\nok order-of-many (0.20s)\nRESULT ok\n"},
	} {
		if v.passed(checks) == nil {
			t.Errorf("%s has passed", what)
		}
	}
}

func TestFailed(t *testing.T) {
	const console = "FAIL sum: 2, want 3\nok order (0.20s)\n1 of 2 checks failed\nRESULT FAIL: exit status 1\n"
	if err := (Verdict{statusBad, console}).failed([]string{"sum"}); err != nil {
		t.Errorf("got %v for a guest that has noticed", err)
	}
	for what, v := range map[string]Verdict{
		"another check": {statusBad, "ok sum (0.10s)\nFAIL order: 1, 3\nRESULT FAIL: exit status 1\n"},
		"a panic":       {0, "FAIL sum: 2, want 3\nKernel panic"},
		"a good status": {statusGood, console},
		"RESULT ok":     {statusBad, "FAIL sum: 2, want 3\nRESULT ok\n"},
	} {
		if v.failed([]string{"sum"}) == nil {
			t.Errorf("%s counts as noticed", what)
		}
	}
}
