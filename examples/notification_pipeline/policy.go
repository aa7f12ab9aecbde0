package main

import (
	"fmt"
	"os"
	"time"

	"github.com/necrostack/necrostack/supervision"
)

// builtinPolicies say what a failure of each organ costs.
func builtinPolicies() supervision.Policies {
	// A gateway that is busy now is asked again, later and later; what it still refuses is a
	// dead letter. The waits are about 100, 300 and 900 ms.
	patient := supervision.Policy{
		Retry: supervision.Retry{
			Attempts: 4,
			Backoff:  supervision.Backoff{Base: 100 * time.Millisecond, Factor: 3, Max: 30 * time.Second, Jitter: 0.2},
		},
		Exhausted: supervision.Store,
		Timeout:   5 * time.Second,
	}
	return supervision.Policies{Organs: map[string]supervision.Policy{
		string(email): patient,
		string(sms):   patient,
		string(push):  patient,
		organAudit:    patient, // a row that cannot be written is a dead letter, and can be replayed
	}}
}

// openPolicies returns the built-in policies with what the file at path says over them; "" is no file. default:
// in a file is for organs without a built-in policy.
func openPolicies(path string) (supervision.Policies, error) {
	ps := builtinPolicies()
	if path == "" {
		return ps, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return ps, fmt.Errorf("policy file: %w", err)
	}
	defer f.Close()
	read, err := ps.Parse(f, organNames)
	if err != nil {
		return ps, fmt.Errorf("%s:\n%w", path, err)
	}
	return read, nil
}
