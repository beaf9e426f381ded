"""`make audit`: are there known vulnerabilities in what the locks pin?"""
