"""A street of rooftops whose meters speak SunSpec over Modbus, Eastron registers over RTU, or JSON over MQTT.

Always true: everything a meter shows is a pure function of (seed, instant), so a process that is killed
and started again goes on with exactly the same counters. Instants are Unix milliseconds, UTC. Only
``__main__`` reads a clock. What it cannot do: batteries, reactive energy counters, writing.
"""
