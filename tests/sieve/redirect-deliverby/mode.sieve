require "redirect-deliverby"; redirect :bytimerelative 1 :bymode "later" "a@example.net";
