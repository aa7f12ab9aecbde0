package main

import (
	"encoding/json"
	"net"
	"net/http"
	"sync"
	"time"
)

// localHTTP is an SMS or push gateway that keeps count instead of messages.
type localHTTP struct {
	*gate
	listener net.Listener
	server   *http.Server
	served   sync.WaitGroup
}

func startLocalHTTP(g *gate) (*localHTTP, error) {
	listener, err := listen()
	if err != nil {
		return nil, err
	}
	h := &localHTTP{gate: g, listener: listener}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /"+string(g.channel), h.take)
	h.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	h.served.Go(func() { _ = h.server.Serve(listener) }) // ends with close, which is all its error says
	return h, nil
}

func (h *localHTTP) url() string {
	return "http://" + h.listener.Addr().String() + "/" + string(h.channel)
}

func (h *localHTTP) close() {
	close(h.closing)
	_ = h.server.Close() // it closes connections without a word; there is none to say
	h.served.Wait()
}

// maxMessage is the largest request, in bytes.
const maxMessage = 1 << 20

func (h *localHTTP) take(w http.ResponseWriter, r *http.Request) {
	h.enter()
	defer h.leave()
	var m message
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxMessage)).Decode(&m); err != nil {
		answer(w, http.StatusBadRequest, err.Error())
		return
	}
	key := r.Header.Get("Idempotency-Key")
	if key == "" {
		answer(w, http.StatusBadRequest, "Idempotency-Key is missing")
		return
	}
	switch h.judge(m.To) {
	case turnedAway:
		answer(w, http.StatusServiceUnavailable, "try again later")
	case refusedForGood:
		answer(w, http.StatusForbidden, m.To+" is blocked")
	default:
		h.accept(key)
		w.WriteHeader(http.StatusAccepted)
	}
}

func answer(w http.ResponseWriter, code int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text}) // a client that has gone needs no answer
}
