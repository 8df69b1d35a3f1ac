"""The g++ steps that build what runs on this machine: simulation, kernel, hosts."""
