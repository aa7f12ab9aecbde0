package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"

	"github.com/necrostack/necrostack/examples/console"
	"github.com/necrostack/necrostack/spine"
	"github.com/necrostack/necrostack/supervision"
)

// parts is what a pipeline is made of.
type parts struct {
	backend  console.Backend // is closed with the pipeline
	service  string
	contacts contacts
	mail     mailServer
	sms      *gateway
	push     *gateway
	audit    *auditLog
	events   io.Writer // of the event log; nil is none
	log      *slog.Logger
	policies supervision.Policies
	workers  int // of email and push
	requests int // that are remembered, for reports
	more     []spine.Option
}

// pipeline is the organs on a Spine, and those who watch it.
type pipeline struct {
	spine    *spine.Spine
	backend  console.Backend
	desk     *supervision.Desk
	record   *record
	outcomes *outcomes
	running  sync.Once     // closes up
	up       chan struct{} // closed when the Spine has begun to run
}

const service = "notifications"

// batch is how many events a worker is given at once. A mail takes its time, and what follows from it
// waits for the batch it is in.
const batch = 4

func newPipeline(p parts) (*pipeline, error) {
	x := &pipeline{
		backend:  p.backend,
		record:   newRecord(p.events, p.requests),
		outcomes: newOutcomes(p.requests),
		up:       make(chan struct{}),
	}
	x.desk = supervision.NewDesk(x.backend, p.service)
	var err error
	x.spine, err = spine.New(x.backend, append([]spine.Option{
		spine.WithService(p.service),
		spine.WithOrgan(newValidate()),
		spine.WithOrgan(newRouter(p.contacts)),
		spine.WithOrgan(newEmail(func() *mailer { return newMailer(p.mail) }), spine.Workers(p.workers)),
		spine.WithOrgan(newSMS(p.sms), spine.Workers(1)),
		spine.WithOrgan(newPush(p.push), spine.Workers(p.workers)),
		spine.WithOrgan(newAudit(p.audit)),
		spine.WithOrgan(x.outcomes.organ()),
		spine.WithPolicies(p.policies),
		spine.WithBatch(batch),
		spine.WithLogger(p.log),
		spine.WithHooks(spine.Hooks{Started: func() { x.running.Do(func() { close(x.up) }) }}),
		spine.WithHooks(x.record.hooks()),
	}, p.more...)...)
	return x, err
}

// letters returns the dead letters, oldest first.
func (x *pipeline) letters(ctx context.Context) ([]supervision.DeadLetter, error) {
	var all []supervision.DeadLetter
	for l, err := range x.desk.List(ctx, supervision.Filter{}) {
		if err != nil {
			return all, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (x *pipeline) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), console.Lease)
	defer cancel()
	return errors.Join(x.backend.Close(ctx), x.record.logError())
}
