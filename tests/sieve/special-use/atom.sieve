require ["special-use", "fileinto"]; fileinto :specialuse "\\Two words" "Spam";
