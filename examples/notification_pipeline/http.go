package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/necrostack/necrostack/actors"
)

// gateway hands short messages to an HTTP service: POST with a JSON object and an Idempotency-Key. It is
// safe for concurrent use.
type gateway struct {
	url    string
	client *http.Client
}

// message is what a gateway is given.
type message struct {
	To       string `json:"to"`
	Text     string `json:"text"`
	Priority string `json:"priority"`
}

// newGateway keeps up to idle connections to the service.
func newGateway(address string, idle int) (*gateway, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, errors.New("want http://host[:port]/path, or https")
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: idle, IdleConnTimeout: time.Minute}
	return &gateway{address, &http.Client{Transport: transport}}, nil
}

// close lets go of kept connections; the gateway can still be used.
func (g *gateway) close() error {
	g.client.CloseIdleConnections()
	return nil
}

// post sends one message. key is the same over all attempts, so that a service that knows it can
// send once. Its error is permanent when the service refuses the message; ctx bounds it.
func (g *gateway) post(ctx context.Context, key string, s Send) error {
	body, err := json.Marshal(message{s.To, s.Text, s.Priority})
	if err != nil {
		return actors.Permanent(err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, g.url, bytes.NewReader(body))
	if err != nil {
		return actors.Permanent(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Idempotency-Key", key)
	resp, err := g.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	// Read in any case: only then is the connection used again.
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode/100 == 2 {
		return nil // accepted, whatever was lost of the answer's text
	}
	if err != nil {
		return err
	}
	return refusal(resp, answer)
}

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 4 << 10

// refusal tells what may be tried again: the service is busy, or too slow, or broken. Any other 4xx is a
// word about the message.
func refusal(resp *http.Response, answer []byte) error {
	var said struct {
		Error string `json:"error"`
	}
	err := fmt.Errorf("http: %s", resp.Status)
	if json.Unmarshal(answer, &said) == nil && said.Error != "" {
		err = fmt.Errorf("http: %s: %s", resp.Status, said.Error)
	}
	code := resp.StatusCode
	switch {
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		return later(resp, err)
	case code >= 500, code == http.StatusRequestTimeout:
		return err
	default:
		return actors.Permanent(err)
	}
}

// maxRetryAfter is how long a service may ask to be left alone.
const maxRetryAfter = 5 * time.Minute

// later does as the service asks (Retry-After, in seconds), or leaves it to the policy.
func later(resp *http.Response, err error) error {
	seconds, bad := strconv.ParseUint(resp.Header.Get("Retry-After"), 10, 16)
	if bad != nil {
		return err
	}
	return actors.RetryAfter(min(time.Duration(seconds)*time.Second, maxRetryAfter), err)
}
