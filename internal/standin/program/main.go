// Command program is any program of a stand-in. See package standin.
package main

import (
	"fmt"
	"os"

	"github.com/starhost/starhost/internal/standin/client"
)

func main() {
	ended, err := client.Ask()
	if err != nil {
		fmt.Fprintln(os.Stderr, "stand-in:", err)
		os.Exit(126)
	}
	client.End(ended)
}
