package main

import (
	"fmt"
	"os"

	"github.com/necrostack/necrostack/examples/trading_orderbook/desk"
	"github.com/necrostack/necrostack/supervision"
)

// organNames are all organs of the program, as reports list them.
func organNames() []string {
	return append(append([]string{organIntake}, desk.Organs()...), organMarketData)
}

// openPolicies returns the desk's policies, changed by the file at path; "" is no file.
func openPolicies(path string) (supervision.Policies, error) {
	ps := desk.Policies()
	if path == "" {
		return ps, nil
	}
	f, err := os.Open(path)
	if err != nil {
		return ps, fmt.Errorf("policy file: %w", err)
	}
	defer f.Close()
	changed, err := ps.Parse(f, organNames())
	if err != nil {
		return ps, fmt.Errorf("%s:\n%w", path, err)
	}
	return changed, nil
}
