package cluster

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/necrostack/necrostack/spine"
)

// Node is a Spine that serves its share of the shards of a store, beside the nodes of other processes. Make one with Join; its methods
// are safe for concurrent use.
type Node struct {
	store    Store
	spine    *spine.Spine
	service  spine.Service
	settings settings
	started  chan struct{} // holds one: the Spine runs

	mu      sync.Mutex
	running bool
	giving  bool // everything is given back, for good
	member  *membership
	claimed []uint32
	owned   []uint32 // as last told
	outage  bool
	damaged map[string]bool // what has been complained of
}

// Join makes a node of the service that the options of the Spine name, on a handle that serves nobody else. It does no I/O: Run
// does. It reports all mistakes in the options and in the organs at once.
func Join(store Store, of []spine.Option, opts ...Option) (*Node, error) {
	set, err := newSettings(opts)
	if v := reflect.ValueOf(store); store == nil || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, errors.Join(fmt.Errorf("cluster: the store is nil (%T)", store), err)
	}
	if lease := store.Lease(); lease <= 0 {
		err = errors.Join(err, fmt.Errorf("cluster: the lease of the store is %v, want more than 0", lease))
	}
	n := &Node{store: store, settings: set, started: make(chan struct{}, 1), damaged: make(map[string]bool)}
	of = append(of[:len(of):len(of)], spine.WithHooks(spine.Hooks{Started: n.hasStarted}))
	s, mistakes := spine.New(store, of...)
	if err := errors.Join(mistakes, err); err != nil {
		return nil, err
	}
	n.spine, n.service = s, s.Service()
	n.member = n.born()
	return n, nil
}

// born begins a life of the node.
func (n *Node) born() *membership {
	self := recordOf(n.service, n.settings.weight)
	return newMembership(n.settings.name, self, n.store.Shards(), n.store.Lease())
}

// Run makes the node a member and serves the shards that the plan gives it, until ctx ends. Then it leaves: the others are
// told at once, and take over what it has; for at most a third of a lease it goes on until they are ready. Then the
// Spine drains as its own Run does, each shard is released as soon as nothing of it is in hand, and the record
// is removed.
//
// Run returns what the Spine's Run returns, and ErrRunning as it does. What the node could not release runs out by itself, or is
// released when the store is closed. After Run nothing of the node runs, and it may run again, as another member.
func (n *Node) Run(ctx context.Context) error {
	if err := n.begin(); err != nil {
		return err
	}
	defer n.end()
	inner, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	serving, served := context.WithCancel(context.WithoutCancel(ctx))
	var err error
	go func() { // ends with inner, or by itself
		defer served()
		err = n.spine.Run(inner)
	}()
	select {
	case <-n.started:
		n.attend(ctx, serving, stop)
	case <-serving.Done():
	case <-ctx.Done():
		stop()
	}
	<-serving.Done()
	n.farewell(context.WithoutCancel(ctx))
	return err
}

// begin makes sure that nothing is served that others are to have.
func (n *Node) begin() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.running {
		return spine.ErrRunning
	}
	n.running, n.giving, n.outage = true, false, false
	if n.member.life.Phase() == Gone {
		n.member = n.born()
	}
	n.claimed, n.owned = nil, nil
	n.store.Claim(nil)
	select {
	case <-n.started: // of a run that was stopped while it began
	default:
	}
	return nil
}

func (n *Node) hasStarted() {
	select {
	case n.started <- struct{}{}:
	default:
	}
}

func (n *Node) end() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.running = false
}

// Spine is the node's Spine, for Publish, Ask and Stats. It is the node's to run.
func (n *Node) Spine() *spine.Spine { return n.spine }

// ID is that of the present life, or of the last one. A node that was struck off has another one afterwards.
func (n *Node) ID() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.member.id
}

// Phase is where the node is in the present life, or was in the last one.
func (n *Node) Phase() Phase {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.member.life.Phase()
}
