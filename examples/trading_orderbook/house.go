package main

import (
	"time"

	"github.com/necrostack/necrostack/examples/trading_orderbook/clearing"
)

// house is the clearing house that the program starts for itself.
type house struct {
	*clearing.House
	back *time.Timer // ends an outage; nil: there is none
}

// openHouse starts a house. It refuses what the poor buy.
func openHouse(o houseOptions, seed uint64, poor []string) (*house, error) {
	opened, err := clearing.Open(clearing.HouseConfig{
		Latency: o.latency, Flaky: o.failures, Seed: seed, Refuse: clearing.Poor(poor...),
	})
	if err != nil {
		return nil, err
	}
	h := &house{House: opened}
	if o.outage > 0 {
		h.SetOutage(clearing.Refusing)
		h.back = time.AfterFunc(o.outage, func() { h.SetOutage(clearing.InService) })
	}
	return h, nil
}

func (h *house) close() error {
	if h.back != nil {
		h.back.Stop()
	}
	h.House.Close()
	return nil
}
