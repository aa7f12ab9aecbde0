package redistest

import "errors"

func (in *instance) running() *process {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.process
}

func (in *instance) stop() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.process.stop(stopLimit)
}

func (in *instance) kill() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.process.kill()
}

func (in *instance) restart() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if err := in.process.stop(stopLimit); err != nil {
		return err
	}
	return in.start()
}

func (in *instance) pause() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.process.pause()
}

func (in *instance) resume() error {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.process.resume()
}

// close ends the server for good.
func (in *instance) close() error {
	return errors.Join(in.client.Close(), in.stop())
}
