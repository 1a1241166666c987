require ["reject", "copy"]; redirect :copy "a@b.example"; reject "no";
