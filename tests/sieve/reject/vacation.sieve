require ["reject", "vacation"]; vacation :addresses "recipient@example.org" "gone"; reject "no";
